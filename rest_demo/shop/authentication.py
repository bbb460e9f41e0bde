"""Authentication: by name and password at the login, then by access token."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from patterns.http.access_token import InvalidAccessToken
from patterns.http.access_token.drf import BearerAuthentication as TokenAuthentication

REALM = "shop"


class NulRefusingBackend(ModelBackend):
    """Rejects a NUL in the user name. PostgreSQL stores none, so Django's own backend would raise a 500."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username and "\x00" in username:
            return None
        return super().authenticate(request, username, password, **kwargs)


class BearerAuthentication(TokenAuthentication):
    """Permissions come from the user's row, not from the token's role."""

    realm = REALM

    def user(self, claims: dict[str, Any]) -> User:
        try:
            return User.objects.get(username=claims["sub"], is_active=True)
        except User.DoesNotExist as error:
            raise InvalidAccessToken from error
