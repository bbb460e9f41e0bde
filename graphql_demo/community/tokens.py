"""Access tokens in rest_demo's format: all services share the key, so one login serves them all.

{"iss": "nexus", "sub": "<username>", "typ": "access", "role": "customer|staff|admin", "iat", "exp", "jti"}, signed with HS256.
"""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from patterns.http.access_token import AccessTokens, InvalidAccessToken


class BadToken(Exception):
    pass


def access_tokens() -> AccessTokens:
    return AccessTokens(key=settings.TOKEN_SIGNING_KEY, issuer="nexus", lifetime=settings.ACCESS_TOKEN_LIFETIME)


def issue(user: User) -> str:
    role = "admin" if user.is_superuser else "staff" if user.is_staff else "customer"
    return access_tokens().issue(user.username, role=role)


def bearer(header: str) -> User | None:
    """The member of an Authorization header; None without one. Raises BadToken.

    Rights come from the database, not from the token's role, so a revoked right is gone at once.
    """
    scheme, _, token = header.partition(" ")
    if not header:
        return None
    if scheme.lower() != "bearer":
        raise BadToken("Send a Bearer token.")
    try:
        return get_user_model().objects.get(username=access_tokens().read(token.strip())["sub"], is_active=True)
    except (InvalidAccessToken, User.DoesNotExist):
        raise BadToken("The access token is invalid or expired.") from None
