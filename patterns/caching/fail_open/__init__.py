"""Fail open: a cache of Django's that is missed, and not mourned, when its server is away.

Problem         Redis is down, and so is the site: each `cache.get` raises, or waits for seconds on a server that hangs.
                Django pickles into the cache, and executes what it finds there. `cache.clear()` empties the server, with
                everybody's sessions in it.
Guarantee       No call raises because the server refuses, hangs, restarts, is full, or has no connection left: reading is
                a miss, writing is not done, `get_or_set` returns what was loaded. The first such call waits one short
                time-out, those of the next second none (patterns/caching/breaker), and then the cache is used again by itself.
                Values are JSON: anything else in the server is a miss, and is never executed. A key that Memcached
                would refuse is hashed; a value that is too big is not stored, and the old one is gone. `clear()` forgets
                the keys of this KEY_PREFIX; on Memcached, which cannot list them, it raises NotSupportedError.
Not guaranteed  That a deletion arrives: who deletes while the server is away leaves the old value there, for as long as
                its time-out says. What JSON cannot say (dates, Decimal) is a TypeError, as a typing error should be.
Cost            A time-out of 0.2 s once a second and process during an outage. `clear()` reads all keys of the server.
Use instead     django-redis with IGNORE_EXCEPTIONS, when pickle is no worry and there is something else that stops the waiting.

Sources: docs.djangoproject.com, "Django's cache framework"; memcached, protocol.txt, "Keys".
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.base import BaseCache, memcache_key_warnings
from django.core.cache.backends.memcached import PyMemcacheCache
from django.core.cache.backends.redis import RedisCache
from django.db import NotSupportedError
from pymemcache.exceptions import MemcacheClientError, MemcacheError, MemcacheServerError
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..breaker import Breaker, CircuitOpen

REQUIRES = ("breaker",)

TIMEOUT_SECONDS = 0.2  # a cache on the same network answers in a millisecond
AWAY = (redis.ConnectionError, redis.TimeoutError, MemcacheError, OSError)
UNHAPPY = (CircuitOpen, redis.RedisError, *AWAY)
UNREADABLE = (ValueError, RecursionError)


@functools.cache
def breaker_of(server: str, open_seconds: float) -> Breaker:
    """One for all threads of the process: Django makes each thread a cache of its own."""
    return Breaker(errors=AWAY, open_seconds=open_seconds)


class FailOpen(BaseCache):
    """To be mixed in before one of Django's backends. `open_seconds` is an OPTION of its own."""

    defaults: dict[str, Any]

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {**self.defaults, **(params.get("OPTIONS") or {})}
        self.breaker = breaker_of(str(server), options.pop("open_seconds", 1.0))
        super().__init__(server, {**params, "OPTIONS": options})  # type: ignore[call-arg]

    def _or(self, otherwise: Any, call: Callable[[], Any]) -> Any:
        try:
            with self.breaker:
                try:
                    return call()
                except (MemcacheServerError, MemcacheClientError):
                    return otherwise  # it is there, and does not want this one
        except UNHAPPY:
            return otherwise

    def make_and_validate_key(self, key: Any, version: int | None = None) -> str:
        made = str(self.make_key(key, version=version))
        if made.isascii() and not any(memcache_key_warnings(made)):
            return made
        return str(self.make_key("sha256:" + hashlib.sha256(made.encode()).hexdigest(), version=version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return self._or(default, lambda: super(FailOpen, self).get(key, default, version))
        except UNREADABLE:
            return default

    def get_many(self, keys: Any, version: int | None = None) -> Any:
        try:
            return self._or({}, lambda: super(FailOpen, self).get_many(keys, version))
        except UNREADABLE:
            return {}

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError when there is no such number, as Django's caches do; also when the server is away."""
        if (value := self._or(None, lambda: super(FailOpen, self).incr(key, delta, version))) is None:
            raise ValueError(f"Key '{key}' not found")
        return int(value)

    def clear(self) -> Any:
        raise NotSupportedError("Memcached cannot list its keys, and flush_all would forget everybody's: use a generation in the key")


def _quiet(name: str, otherwise: Any) -> None:
    def method(self: FailOpen, *words: Any, **options: Any) -> Any:
        return self._or(otherwise, lambda: getattr(super(FailOpen, self), name)(*words, **options))

    setattr(FailOpen, name, method)


for _name, _otherwise in {"set": None, "add": False, "touch": False, "delete": False, "has_key": False, "delete_many": None}.items():
    _quiet(_name, _otherwise)
_quiet("set_many", [])


class FailOpenRedisCache(FailOpen, RedisCache):
    defaults = {
        "serializer": "django.core.signing.JSONSerializer",
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "socket_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),  # redis-py tries again for up to a minute
        "pool_class": "redis.BlockingConnectionPool",
        "max_connections": 50,
        "timeout": TIMEOUT_SECONDS,  # how long to wait for one of the pool
    }

    def clear(self) -> None:
        self._or(None, self._clear)

    def _clear(self) -> None:
        client = self._cache.get_client(write=True)
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self.key_prefix) + ":*"
        found = list(client.scan_iter(match=pattern, count=1000))
        if found:
            client.unlink(*found)


class Json:
    """pymemcache's serde. Django's default unpickles whatever carries the flag that says so."""

    def serialize(self, key: bytes, value: Any) -> tuple[bytes, int]:
        return json.dumps(value).encode(), 0

    def deserialize(self, key: bytes, value: bytes, flags: int) -> Any:
        return json.loads(value)


class FailOpenMemcachedCache(FailOpen, PyMemcacheCache):
    defaults = {
        "serde": Json(),
        "connect_timeout": TIMEOUT_SECONDS,
        "timeout": TIMEOUT_SECONDS,
        # pymemcache has a breaker of its own, of a minute: it would not see that the server is back
        "retry_attempts": 0,
        "dead_timeout": 0,
    }
