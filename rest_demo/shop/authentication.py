"""Who is asking: a user by name and password at the login, by an access token after it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from patterns.http.access_token import AccessTokens, InvalidAccessToken

ISSUER = "nexus"
CHALLENGE = 'Bearer realm="shop"'


def access_tokens() -> AccessTokens:
    return AccessTokens(key=settings.TOKEN_SIGNING_KEY, issuer=ISSUER, lifetime=settings.ACCESS_TOKEN_LIFETIME)


class NulRefusingBackend(ModelBackend):
    """A login that a NUL in the user name cannot break: PostgreSQL holds none, and Django's own backend passes it on, for a 500."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username and "\x00" in username:
            return None
        return super().authenticate(request, username, password, **kwargs)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750). What the user may do comes from their row, and not from the token."""

    def authenticate(self, request: Request) -> tuple[User, dict[str, Any]] | None:
        token = bearer_token(request)
        if token is None:
            return None
        try:
            claims = access_tokens().read(token)
            user = User.objects.get(username=claims["sub"], is_active=True)
        except (InvalidAccessToken, User.DoesNotExist) as error:
            raise AuthenticationFailed("The access token is not valid (any more). Refresh it.", code="invalid_token") from error
        return user, claims

    def authenticate_header(self, request: Request) -> str:
        """For a 401: `error` only when there was a token (RFC 6750, section 3.1)."""
        return CHALLENGE if bearer_token(request) is None else f'{CHALLENGE}, error="invalid_token"'


def bearer_token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
