"""The two backends: Redis and Memcached."""

import json
import re
from typing import Any

from django.core.cache.backends.memcached import PyMemcacheCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..failover import FailoverPool
from .mixin import FailOpen

BATCH = 1_000  # one UNLINK of 200,000 keys takes longer than the time-out
TIMEOUT_SECONDS = 0.2  # a cache on the same network answers within a millisecond


class FailOpenRedisCache(FailOpen, RedisCache):
    defaults = {
        "serializer": "django.core.signing.JSONSerializer",
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),  # redis-py retries for up to a minute
        "pool_class": FailoverPool,
        "max_connections": 50,
        "timeout": TIMEOUT_SECONDS,  # the wait for a free connection
    }

    def clear(self) -> None:
        self._fallback(None, self._clear)

    def _clear(self) -> None:
        client = self._cache.get_client(write=True)
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self.key_prefix) + ":*"
        found = list(client.scan_iter(match=pattern, count=1000))
        for first in range(0, len(found), BATCH):
            client.unlink(*found[first : first + BATCH])


class Json:
    """pymemcache's serde. Django's default unpickles whatever carries the flag for it."""

    def serialize(self, key: bytes, value: Any) -> tuple[bytes, int]:
        return json.dumps(value).encode(), 0

    def deserialize(self, key: bytes, value: bytes, flags: int) -> Any:
        return json.loads(value)


class FailOpenMemcachedCache(FailOpen, PyMemcacheCache):
    defaults = {
        "serde": Json(),
        "connect_timeout": TIMEOUT_SECONDS,
        "timeout": TIMEOUT_SECONDS,
        # pymemcache has a breaker of its own: for a minute it would not see that the server is back
        "retry_attempts": 0,
        "dead_timeout": 0,
    }
