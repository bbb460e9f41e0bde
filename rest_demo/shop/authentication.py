"""Authentication: a user by name and password at the login, by an access token after it."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from patterns.http.access_token import InvalidAccessToken
from patterns.http.access_token.drf import BearerAuthentication as TokenAuthentication

REALM = "shop"


class NulRefusingBackend(ModelBackend):
    """A login that a NUL in the user name cannot break: PostgreSQL holds none, and Django's own backend passes it on, for a 500."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username and "\x00" in username:
            return None
        return super().authenticate(request, username, password, **kwargs)


class BearerAuthentication(TokenAuthentication):
    """The user's row, not the token's role, decides what the user may do."""

    realm = REALM

    def user(self, claims: dict[str, Any]) -> User:
        try:
            return User.objects.get(username=claims["sub"], is_active=True)
        except User.DoesNotExist as error:
            raise InvalidAccessToken from error
