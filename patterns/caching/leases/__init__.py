"""Leases: a value is stored only if nothing invalidated its key during the load.

Problem
    A reader loads. A writer changes the row and deletes the key. Then the reader stores
    the old value.

Guarantee
    - A value loaded before an invalidation is never stored after it.
    - One lease per key: others load and store nothing. Leases expire.
    - Values are JSON. Anything else is a miss and is replaced.
    - A server that fails after the load loses no value.

Not guaranteed
    One load: see single_flight. An invalidation that does not arrive.

Cost
    One round trip per hit, two per miss (four on Memcached).

Use instead
    generations, if many values change as one. A version column with "store if newer".

Source: Nishtala et al., "Scaling Memcache at Facebook".

Use
    # your code
    from django.conf import settings
    from patterns.caching.failover import connect
    from patterns.caching.leases import Leases, RedisStore

    client = connect(settings.REDIS_URL)
    leases = Leases(store=RedisStore(client), keep_seconds=600)
    value, is_hit = leases.get("page:1", lambda: {"price": "4.90"})
    leases.invalidate("page:1")  # after the commit: transaction.on_commit
"""

import contextlib
import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import redis
from pymemcache.client.base import Client, PooledClient
from pymemcache.exceptions import MemcacheError

REQUIRES = ("failover",)

LEASE, VALUE = b"L", b"V"  # the first byte: of a lease's token, of a value as JSON

SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class Store(Protocol):
    def look(self, key: str, lease: bytes, seconds: float) -> bytes | None:
        """Returns what is there. If nothing is: stores the lease and returns None."""

    def swap(self, key: str, lease: bytes, value: bytes, seconds: float) -> bool:
        """Replaces exactly this lease. False: it is not there any more."""

    def drop(self, key: str) -> None: ...


@dataclass(frozen=True)
class RedisStore:
    client: redis.Redis  # not decoding, short time-outs, no retries

    def look(self, key: str, lease: bytes, seconds: float) -> bytes | None:
        # NX with GET: Redis 7.0
        found: Any = self.client.set(key, lease, nx=True, get=True, px=int(seconds * 1000))
        return found

    def swap(self, key: str, lease: bytes, value: bytes, seconds: float) -> bool:
        return bool(self.client.eval(SWAP, 1, key, lease, value, str(int(seconds * 1000))))

    def drop(self, key: str) -> None:
        self.client.delete(key)


@dataclass(frozen=True)
class MemcachedStore:
    client: Client | PooledClient  # without a serde: what is stored here are bytes

    def look(self, key: str, lease: bytes, seconds: float) -> bytes | None:
        found: Any = self.client.get(key)
        expire = math.ceil(seconds)
        if found is None and not self.client.add(key, lease, expire=expire, noreply=False):
            found = self.client.get(key) or LEASE
        return found

    def swap(self, key: str, lease: bytes, value: bytes, seconds: float) -> bool:
        found, unique = self.client.gets(key)
        expire = math.ceil(seconds)
        return found == lease and bool(
            self.client.cas(key, value, unique, expire=expire, noreply=False)
        )

    def drop(self, key: str) -> None:
        self.client.delete(key, noreply=False)


@dataclass(frozen=True, kw_only=True)
class Leases:
    store: Store
    keep_seconds: float
    lease_seconds: float = 5.0  # above the slowest load, or its value is not stored

    def get(self, key: str, load: Callable[[], Any]) -> tuple[Any, bool]:
        """The value of `key`, or what `load()` returns, as JSON; and whether it was a hit."""
        lease = LEASE + secrets.token_hex(16).encode()
        found = self.store.look(key, lease, self.lease_seconds)
        if found is not None and found[:1] == VALUE:
            try:
                return json.loads(found[1:]), True
            except (ValueError, RecursionError):
                pass
        text = json.dumps(load())
        if found is None or found[:1] != LEASE:  # else another caller has the lease
            expected = lease if found is None else found
            with contextlib.suppress(redis.RedisError, MemcacheError, OSError):
                self.store.swap(key, expected, VALUE + text.encode(), self.keep_seconds)
        return json.loads(text), False

    def invalidate(self, key: str) -> None:
        """Deletes the value, or the lease of its loader. Call it after the commit."""
        self.store.drop(key)
