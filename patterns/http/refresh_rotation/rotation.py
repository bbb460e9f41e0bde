import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.crypto import constant_time_compare

from .models import RefreshFamily, RefreshFamilyQuerySet

RANDOM_BYTES = 32  # per half: 256 bits cannot be guessed, so a fast hash protects them
logger = logging.getLogger(__name__)


class InvalidRefreshToken(Exception):
    """Unknown, used, expired, revoked, or the user's account has changed. Log in again."""


class Rotated(NamedTuple):
    user: AbstractBaseUser
    token: str


def start(user: AbstractBaseUser, *, lifetime: timedelta, now: datetime) -> str:
    """The first token of a new family, after a login. `lifetime` is the family's."""
    family = secrets.token_urlsafe(RANDOM_BYTES)
    token = next_of(family)
    RefreshFamily.objects.create(
        user=user,  # type: ignore[misc]  # of whatever class AUTH_USER_MODEL is
        selector=digest(family),
        current=digest(token),
        password_stamp=user.get_session_auth_hash(),
        expires_at=now + lifetime,
    )
    return token


def rotate(token: str, *, now: datetime) -> Rotated:
    """The user and the next token. Raises InvalidRefreshToken: then the family is revoked."""
    rotated = use_up(token, now)
    if rotated is None:
        raise InvalidRefreshToken
    return rotated


# durable: in an outer transaction, the exception that follows would roll the revocation back
@transaction.atomic(durable=True)
def use_up(token: str, now: datetime) -> Rotated | None:
    found, successor = family_of(token), next_of(token.partition(".")[0])
    # One statement compares and replaces: after a wait for the lock, PostgreSQL compares again
    # with what the winner wrote. It does not evaluate a subquery again, so no condition joins.
    won = found.alive(now).filter(current=digest(token)).update(current=digest(successor))
    if not won:
        if found.alive(now).revoke(now):
            logger.warning("refresh token reuse: %s is revoked", found.get())
        return None
    family = found.select_related("user").get()
    if not family.user.is_active or not has_the_password_of(family, family.user):
        found.revoke(now)
        return None
    return Rotated(family.user, successor)


def revoke(token: str, *, now: datetime) -> None:
    """Logs out, with any token of the family. An unknown or revoked one changes nothing."""
    family_of(token).revoke(now)


def has_the_password_of(family: RefreshFamily, user: AbstractBaseUser) -> bool:
    """Also after SECRET_KEY was replaced, while the old one is in SECRET_KEY_FALLBACKS."""
    stamps = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(family.password_stamp, stamp) for stamp in stamps)


def family_of(token: str) -> RefreshFamilyQuerySet:
    return RefreshFamily.objects.filter(selector=digest(token.partition(".")[0]))


def next_of(family: str) -> str:
    return f"{family}.{secrets.token_urlsafe(RANDOM_BYTES)}"


def digest(secret: str) -> str:
    # surrogatepass: a lone surrogate is an unknown token, not a UnicodeEncodeError
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
