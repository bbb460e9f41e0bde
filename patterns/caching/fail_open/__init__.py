"""Fail open: a Django cache backend that treats an unavailable server as a miss.

Problem
    Redis is down, and so is the site: each `cache.get` raises or waits. Django's
    backends unpickle what they find.

Guarantee
    - No call raises because the server refuses, hangs, is full or has no connection.
    - An outage costs 0.2 s per second and process (circuit breaker).
    - Values are JSON. Anything else is a miss and is never executed.
    - A key that Memcached would refuse is hashed; too big a value is not stored.
    - A `set` that the server refuses deletes the old value. A failover is noticed.
    - `clear()` deletes only its KEY_PREFIX (Memcached: NotSupportedError).

Not guaranteed
    Deletions without the server: the OPTION `strict` raises. Dates raise TypeError.

Cost
    `clear()` scans all keys.

Use instead
    django-redis with IGNORE_EXCEPTIONS, if you accept pickle. (Checked 2026-11.)

Use
    # settings.py
    CACHES = {
        "default": {
            "BACKEND": "patterns.caching.fail_open.FailOpenRedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "shop",
        }
    }

    # your code
    from django.core.cache import cache

    page = cache.get_or_set("page:1", lambda: {"price": "4.90"}, 60)
"""

from .backends import TIMEOUT_SECONDS, FailOpenMemcachedCache, FailOpenRedisCache
from .mixin import breaker_of

REQUIRES = ("breaker", "failover")

__all__ = ["TIMEOUT_SECONDS", "FailOpenMemcachedCache", "FailOpenRedisCache", "breaker_of"]
