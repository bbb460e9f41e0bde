"""Bearer authentication for Django REST framework, without a user table."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from . import InvalidAccessToken

STAFF_ROLES = ("staff", "admin")


@dataclass(frozen=True)
class TokenUser:
    """The user that a token describes. What DRF's permissions ask of a user, it answers."""

    username: str
    role: str = ""
    is_authenticated = True
    is_anonymous = False
    is_active = True

    @property
    def pk(self) -> str:
        return self.username

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF_ROLES

    def __str__(self) -> str:
        return self.username


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750), verified by `settings.TOKEN_VERIFIER`.

    A service that has users overrides `user`.
    """

    realm = "api"

    def authenticate(self, request: Request) -> tuple[Any, dict[str, Any]] | None:
        try:
            claims = settings.TOKEN_VERIFIER.read_header(request.headers.get("Authorization", ""))
            return None if claims is None else (self.user(claims), claims)
        except InvalidAccessToken as error:
            detail = "The access token is invalid or expired."
            raise AuthenticationFailed(detail, code="invalid_token") from error

    def user(self, claims: dict[str, Any]) -> Any:
        """Raises InvalidAccessToken."""
        return TokenUser(username=claims["sub"], role=str(claims.get("role", "")))

    def authenticate_header(self, request: Request) -> str:
        """For a 401. It names an error only if there was a token (RFC 6750, section 3.1)."""
        challenge = f'Bearer realm="{self.realm}"'
        scheme = request.headers.get("Authorization", "").partition(" ")[0]
        return f'{challenge}, error="invalid_token"' if scheme.lower() == "bearer" else challenge
