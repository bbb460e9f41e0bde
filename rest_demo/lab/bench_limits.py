"""The rate limiter beside others, on one Redis."""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.http import HttpRequest
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle

from labkit.bench import Work
from patterns.http.rate_limit.limiter import Limit, Limiter

LIMITS = "the limits package, moving window"


@contextlib.contextmanager
def limiters(*names: str) -> Iterator[Mapping[str, Work]]:
    """Each way counts a request against a limit of 60 a minute for each name, and allows it: after 50 comes another customer."""
    redis_client = redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)
    prefix = f"{settings.RATE_LIMIT_PREFIX}:bench"
    ours = Limiter(redis_client, prefix=prefix)
    limits = [Limit(name, 60, 60) for name in names]
    theirs = MovingWindowRateLimiter(RedisStorage(settings.REDIS_URL, key_prefix=prefix))
    items = [RateLimitItemPerMinute(60, namespace=name) for name in names]
    throttles = [drf_throttle(name) for name in names]
    view: Any = None
    numbers = itertools.count()

    def customer() -> str:
        return str(next(numbers) // 50)

    def by_limits() -> bool:
        whom = customer()
        return all(theirs.hit(item, whom) for item in items)

    def by_ours() -> bool:
        whom = customer()
        decision = ours.check([(limit, whom) for limit in limits], count_locally=False)
        return bool(decision and decision.allowed)

    def by_drf() -> bool:
        request = Request(HttpRequest())
        request._request.META["REMOTE_ADDR"] = customer()
        return all(throttle().allow_request(request, view) for throttle in throttles)

    yield {LIMITS: by_limits, "this limiter": by_ours, "DRF's throttle": by_drf}
    for key in redis_client.scan_iter(match=f"*{prefix}*", count=1000):
        redis_client.delete(key)


def drf_throttle(name: str) -> type[AnonRateThrottle]:
    cache = RedisCache(settings.REDIS_URL, {"KEY_PREFIX": f"{settings.RATE_LIMIT_PREFIX}:bench"})
    return type("Throttle", (AnonRateThrottle,), {"scope": name, "rate": "60/min", "cache": cache})
