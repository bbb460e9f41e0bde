"""Fail open: a Django cache backend that treats an unavailable server as a miss.

Problem
    Redis is down, and so is the site: each `cache.get` raises, or waits seconds for a
    server that hangs. Django's backends unpickle, and so execute, what they find.
    `cache.clear()` empties the whole server, sessions included.

Guarantee
    - No call raises because the server refuses, hangs, restarts, is full or has no free
      connection. A read is a miss, `get_or_set` returns what was loaded.
    - The first such call waits for one short time-out, those of the next second do not
      wait (circuit breaker). Then the cache is used again.
    - Values are JSON. Anything else in the server is a miss and is never executed.
    - A key that Memcached would refuse is hashed. A value that is too big is not stored.
    - `clear()` deletes the keys of this KEY_PREFIX. Memcached cannot list its keys: there
      it raises NotSupportedError.

Not guaranteed
    Deletions: if the server is unavailable, the old value stays until it expires. Dates
    and Decimals: JSON has none, so they raise TypeError.

Cost
    During an outage, one time-out of 0.2 s per second and process. `clear()` scans all keys.

Use instead
    django-redis with IGNORE_EXCEPTIONS, if pickle is acceptable and something else bounds
    the waiting. (Checked 2026-11.)

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

REQUIRES = ("breaker",)

__all__ = ["TIMEOUT_SECONDS", "FailOpenMemcachedCache", "FailOpenRedisCache", "breaker_of"]
