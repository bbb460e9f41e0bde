"""Login endpoints. Passwords and tokens are in bodies, never in URLs, which end up in logs."""

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
    refresh = serializers.CharField(help_text="Works once, for the next pair. A second use revokes the login and all its tokens.")
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires")


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
    """No authentication: the client has no access token yet, or an expired one."""

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

    @extend_schema(request=LoginSerializer, responses={200: TokenPairSerializer, **INVALID, **problem(401, "Wrong user name or password")})
    def post(self, request: Request) -> Response:
        """Logs in. Returns an access token, and a refresh token to get the next one."""
        try:
            return self.answer(log_in(**self.validated(LoginSerializer)))
        except WrongLogin as error:
            raise AuthenticationFailed("Wrong user name or password.", code="wrong_login") from error


class TokenRefresh(TokenView):
    @extend_schema(request=RefreshSerializer, responses={200: TokenPairSerializer, **INVALID, **problem(401, "Log in again")})
    def post(self, request: Request) -> Response:
        """Returns the next pair for an unused refresh token. A used one revokes the login."""
        try:
            return self.answer(renew_tokens(**self.validated(RefreshSerializer)))
        except InvalidRefreshToken as error:
            detail = "The refresh token is invalid, expired or already used. Log in again."
            raise AuthenticationFailed(detail, code="invalid_refresh_token") from error


class Logout(TokenView):
    @extend_schema(request=RefreshSerializer, responses={204: None, **INVALID})
    def post(self, request: Request) -> Response:
        """Revokes the login of this refresh token. Also 204 if there is none."""
        log_out(**self.validated(RefreshSerializer))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Me(APIView):
    @extend_schema(responses={200: MeSerializer, **problem(401, "Not logged in")})
    def get(self, request: Request) -> Response:
        """The current user."""
        return Response(MeSerializer(cast(User, request.user)).data)
