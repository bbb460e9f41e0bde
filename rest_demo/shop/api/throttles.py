"""The rate limits of the shop. The quotas are settings; 0 disables a limit."""

import functools
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from rest_framework.request import Request

from patterns.caching.failover import connect
from patterns.http.client_address import address_key, client_address, name_key
from patterns.http.rate_limit.limiter import Checks, Limit, Limiter
from patterns.http.rate_limit.throttle import RateLimitThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports the throttles that the settings name

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class ShopThrottle(RateLimitThrottle):
    @property
    def limiter(self) -> Limiter:  # type: ignore[override]
        return shared_limiter(settings.REDIS_URL, settings.RATE_LIMIT_PREFIX)


class LoginThrottle(ShopThrottle):
    """Password guesses: from one address at any name, and at one name from any address."""

    count_locally = True  # during an outage too: guessing is never free

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Counts the address before the body is parsed: a malformed attempt counts too."""
        if not self.count(address_checks(request), view):
            return False
        body = request.data
        return self.count(name_checks(body.get("username") or "" if isinstance(body, dict) else ""), view)


class WriteThrottle(ShopThrottle):
    """Changes of one user. Visitors have LoginThrottle, or may change nothing."""

    count_locally = False  # orders are worth more than the limit

    def checks(self, request: Request, view: "APIView") -> Checks:
        user_id = getattr(request.user, "pk", None)
        if request.method in SAFE_METHODS or user_id is None:
            return []
        return per_minute({"writes": (settings.WRITES_PER_MINUTE, str(user_id))})


def address_checks(request: Request) -> Checks:
    peer, forwarded_for = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    address = client_address(peer, forwarded_for, trusted_proxies=settings.TRUSTED_PROXIES)
    return per_minute({"login-address": (settings.LOGINS_PER_MINUTE_AND_ADDRESS, address_key(address))})


def name_checks(name: Any) -> Checks:
    return per_minute({"login-user": (settings.LOGINS_PER_MINUTE_AND_USER, name_key(str(name)))})


def per_minute(quotas: dict[str, tuple[int, str]]) -> Checks:
    return [(Limit(name, quota, 60), whom) for name, (quota, whom) in quotas.items() if quota]


@functools.cache
def shared_limiter(url: str, prefix: str) -> Limiter:
    """One for a process. Threads may share it."""
    return Limiter(client(url) if url else None, prefix=prefix)


@functools.cache
def client(url: str) -> redis.Redis:
    options: dict[str, Any] = settings.REDIS_OPTIONS
    return connect(url, **options)
