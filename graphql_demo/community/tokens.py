"""Access tokens, of the shape that rest_demo issues: whoever has the key can read them, so one login serves all services.

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
    """The member of an Authorization header; None without one. Raises BadToken, with the same words for whatever is wrong.

    What the member may is asked of our own database, not of the token's role: rights that were taken away are gone at once.
    """
    scheme, _, token = header.partition(" ")
    if not header:
        return None
    if scheme.lower() != "bearer":
        raise BadToken("Send a bearer token.")
    try:
        return get_user_model().objects.get(username=access_tokens().read(token.strip())["sub"], is_active=True)
    except (InvalidAccessToken, User.DoesNotExist):
        raise BadToken("The token is not valid, or not valid any more.") from None
