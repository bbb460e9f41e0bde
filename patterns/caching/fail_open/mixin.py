"""What both backends share: a circuit breaker around each call, JSON, safe keys."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache, memcache_key_warnings
from django.db import NotSupportedError
from pymemcache.exceptions import MemcacheError, MemcacheUnexpectedCloseError

from ..breaker import Breaker, CircuitOpen

# these open the circuit; other errors of a server are its refusal of one command
UNAVAILABLE = (redis.ConnectionError, redis.TimeoutError, MemcacheUnexpectedCloseError, OSError)
CACHE_ERRORS = (CircuitOpen, redis.RedisError, MemcacheError, OSError)
NOT_JSON = (ValueError, RecursionError)
REFUSED = object()


@functools.cache
def breaker_of(server: str, open_seconds: float) -> Breaker:
    """One per process: Django makes a cache object per thread."""
    return Breaker(errors=UNAVAILABLE, open_seconds=open_seconds)


class FailOpen(BaseCache):
    """A mixin for Django's backends. Additional OPTIONS: `open_seconds`, and `strict`, to raise."""

    defaults: dict[str, Any]

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {**self.defaults, **(params.get("OPTIONS") or {})}
        self.breaker = breaker_of(str(server), options.pop("open_seconds", 1.0))
        self.is_strict = options.pop("strict", False)
        super().__init__(server, {**params, "OPTIONS": options})  # type: ignore[call-arg]

    def _fallback(self, value: Any, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self.is_strict:
            return call(*args, **options)
        try:
            with self.breaker:
                return call(*args, **options)
        except CACHE_ERRORS:
            return value

    def make_and_validate_key(self, key: Any, version: int | None = None) -> str:
        made = str(self.make_key(key, version=version))
        if made.isascii() and not any(memcache_key_warnings(made)):
            return made
        digest = hashlib.sha256(made.encode()).hexdigest()
        return str(self.make_key(f"sha256:{digest}", version=version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return self._fallback(default, super().get, key, default, version)
        except NOT_JSON:
            return default

    def get_many(self, *args: Any, **options: Any) -> Any:
        try:
            return self._fallback({}, super().get_many, *args, **options)
        except NOT_JSON:
            return {}

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        if self._fallback(REFUSED, super().set, key, value, timeout, version) is REFUSED:
            self.delete(key, version)  # a full server refuses this value, and has the old one

    def set_many(self, data: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> Any:
        failed = self._fallback(list(data), super().set_many, data, timeout, version)
        if failed:
            self.delete_many(failed, version)
        return failed

    def add(self, *args: Any, **options: Any) -> Any:
        return self._fallback(False, super().add, *args, **options)

    def touch(self, *args: Any, **options: Any) -> Any:
        return self._fallback(False, super().touch, *args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return self._fallback(False, super().delete, *args, **options)

    def delete_many(self, *args: Any, **options: Any) -> None:
        self._fallback(None, super().delete_many, *args, **options)

    def has_key(self, *args: Any, **options: Any) -> Any:
        return self._fallback(False, super().has_key, *args, **options)

    def incr(self, key: Any, *args: Any, **options: Any) -> int:
        """Raises ValueError if there is no such number, or no server."""
        if (value := self._fallback(None, super().incr, key, *args, **options)) is None:
            raise ValueError(f"Key '{key}' not found")
        return int(value)

    def clear(self) -> Any:
        raise NotSupportedError("Memcached cannot list its keys: use a generation in the key")
