"""Bearer tokens: rest_demo signs them, and this service verifies them with the public key."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from patterns.http.access_token import InvalidAccessToken


class BadToken(Exception):
    pass


def bearer(header: str) -> User | None:
    """The member of an Authorization header; None without one. Raises BadToken.

    Rights come from the database, not from the token's role, so a revoked right is gone at once.
    """
    if not header:
        return None
    try:
        claims = settings.TOKEN_VERIFIER.read_header(header)
        if claims is None:
            raise BadToken("Send a bearer token.")
        return get_user_model().objects.get(username=claims["sub"], is_active=True)
    except (InvalidAccessToken, User.DoesNotExist):
        raise BadToken("The access token is invalid or expired.") from None
