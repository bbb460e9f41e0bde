"""Log in, renew tokens, log out."""

from typing import NamedTuple, cast

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.utils import timezone

from patterns.http.refresh_rotation import rotation


class WrongLogin(Exception):
    """No active user has this name and password. Which of the two is wrong would reveal who has an account."""


class TokenPair(NamedTuple):
    access: str
    refresh: str


def log_in(*, username: str, password: str) -> TokenPair:
    """Raises WrongLogin. An unknown name takes the same time as a wrong password."""
    user = authenticate(username=username, password=password)
    if user is None:
        raise WrongLogin
    refresh = rotation.start(user, lifetime=settings.REFRESH_FAMILY_LIFETIME, now=timezone.now())
    return TokenPair(access_token_for(user), refresh)


def renew_tokens(*, refresh: str) -> TokenPair:
    """Raises rotation.InvalidRefreshToken."""
    user, successor = rotation.rotate(refresh, now=timezone.now())
    return TokenPair(access_token_for(cast(User, user)), successor)


def log_out(*, refresh: str) -> None:
    rotation.revoke(refresh, now=timezone.now())


def access_token_for(user: User) -> str:
    token: str = settings.TOKEN_SIGNER.sign(user.get_username(), role=role_of(user))
    return token


def role_of(user: User) -> str:
    """For the other services, and for clients that show or hide a button. Permissions here come from the user's row."""
    if user.is_superuser:
        return "admin"
    return "staff" if user.is_staff else "customer"
