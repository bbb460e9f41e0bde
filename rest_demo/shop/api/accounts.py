"""The doors of the accounts. Passwords and tokens come in bodies, never in addresses, which end up in logs."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from patterns.http.refresh_rotation.rotation import InvalidRefreshToken
from shop.accounts import TokenPair, WrongLogin, log_in, log_out, renew_tokens, role_of
from shop.api.fields import Text
from shop.api.problems import problem
from shop.api.throttles import LoginThrottle
from shop.authentication import REALM

INVALID = problem(400, "A field is missing or malformed")


class LoginSerializer(serializers.Serializer[Any]):
    username = Text(max_length=150, trim_whitespace=False)
    # The limit comes before the hash: Argon2 reads all that it is given.
    password = Text(max_length=256, trim_whitespace=False, write_only=True)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = Text(max_length=256, trim_whitespace=False)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="For the header: Authorization: Bearer …")
    refresh = serializers.CharField(help_text="Good once: for the next pair. A second use ends the login for all who have its tokens.")
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good")


class MeSerializer(serializers.ModelSerializer[User]):
    email = serializers.CharField(read_only=True)  # may be empty
    role = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["username", "email", "role"]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": ["customer", "staff", "admin"]})
    def get_role(self, user: User) -> str:
        return role_of(user)


class TokenView(APIView):
    """Who comes here has no access token, or an expired one: neither is looked at."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Request) -> str:
        return f'Bearer realm="{REALM}"'  # without authentication classes DRF would make a 403 of a 401

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return cast(dict[str, Any], serializer.validated_data)

    def answer(self, pair: TokenPair) -> Response:
        body = {**pair._asdict(), "token_type": "Bearer", "expires_in": int(settings.TOKEN_SIGNER.lifetime.total_seconds())}
        return Response(body, headers={"Cache-Control": "no-store"})  # RFC 6749, section 5.1


class TokenObtain(TokenView):
    throttle_classes = [LoginThrottle]

    @extend_schema(request=LoginSerializer, responses={200: TokenPairSerializer, **INVALID, **problem(401, "Wrong name or password")})
    def post(self, request: Request) -> Response:
        """Logs in: an access token, and a refresh token for when it has expired."""
        try:
            return self.answer(log_in(**self.validated(LoginSerializer)))
        except WrongLogin as error:
            raise AuthenticationFailed("The user name or the password is wrong.", code="wrong_login") from error


class TokenRefresh(TokenView):
    @extend_schema(request=RefreshSerializer, responses={200: TokenPairSerializer, **INVALID, **problem(401, "Log in again")})
    def post(self, request: Request) -> Response:
        """The next pair, for a refresh token that has not been used. A used one ends the login."""
        try:
            return self.answer(renew_tokens(**self.validated(RefreshSerializer)))
        except InvalidRefreshToken as error:
            raise AuthenticationFailed("The refresh token is not valid (any more). Log in again.", code="invalid_refresh_token") from error


class Logout(TokenView):
    @extend_schema(request=RefreshSerializer, responses={204: None, **INVALID})
    def post(self, request: Request) -> Response:
        """Ends the login that the refresh token is of. 204 also when there is none."""
        log_out(**self.validated(RefreshSerializer))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Me(APIView):
    @extend_schema(responses={200: MeSerializer, **problem(401, "Not logged in")})
    def get(self, request: Request) -> Response:
        """Who you are here."""
        return Response(MeSerializer(cast(User, request.user)).data)
