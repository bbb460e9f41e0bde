"""The limits of the shop's doors. The quotas are settings; 0 lifts a limit."""

import functools
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from rest_framework.request import Request

from patterns.http.client_address import address_key, client_address
from patterns.http.rate_limit.limiter import Limiter, WhenAway
from patterns.http.rate_limit.limits import Limit
from patterns.http.rate_limit.throttle import RateLimitThrottle
from patterns.http.rate_limit.windows import Checks

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports the throttles that the settings name

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class LoginThrottle(RateLimitThrottle):
    """Password guesses: of one address, whatever names it tries, and at one name, wherever they come from."""

    when_away: WhenAway = "count_here"  # guessing is never free; and nobody is locked out because Redis is

    def limiter(self) -> Limiter:
        return shared_limiter(settings.REDIS_URL, settings.RATE_LIMIT_PREFIX)

    def checks(self, request: Request, view: "APIView") -> Checks:
        return login_checks(request, request.data.get("username", "") if isinstance(request.data, dict) else "")


class WriteThrottle(RateLimitThrottle):
    """Changes of one user. Visitors' are counted where they come in, by LoginThrottle, or refused."""

    when_away: WhenAway = "let_through"  # orders are worth more than the limit

    def limiter(self) -> Limiter:
        return shared_limiter(settings.REDIS_URL, settings.RATE_LIMIT_PREFIX)

    def checks(self, request: Request, view: "APIView") -> Checks:
        user_id = getattr(request.user, "pk", None)
        if request.method in SAFE_METHODS or user_id is None:
            return []
        return per_minute({"writes": (settings.WRITES_PER_MINUTE, str(user_id))})


def login_checks(request: Request, name: Any) -> Checks:
    """The limits of one attempt to log in."""
    peer, forwarded_for = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = client_address(peer, forwarded_for, trusted_proxies=settings.TRUSTED_PROXIES)
    return per_minute(
        {
            "login-address": (settings.LOGINS_PER_MINUTE_AND_ADDRESS, address_key(address)),
            # as the serializer and the database read it, so that "Customer " is no new name
            "login-user": (settings.LOGINS_PER_MINUTE_AND_USER, str(name).strip().casefold()),
        }
    )


def per_minute(quotas: dict[str, tuple[int, str]]) -> Checks:
    return [(Limit(name, quota, 60), whom) for name, (quota, whom) in quotas.items() if quota]


@functools.cache
def shared_limiter(url: str, prefix: str) -> Limiter:
    """One for a process. Threads may share it."""
    return Limiter(client(url) if url else None, prefix=prefix)


@functools.cache
def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, **settings.REDIS_OPTIONS)
