"""Leases: who loads a missing value may store it only if nothing was written meanwhile.

Problem         A reader misses and loads; a writer changes the row and deletes the key; then the slow reader stores what it
                had loaded. The old value is in the cache, for as long as its time-out says, and no deletion is to come.
Guarantee       What was loaded before an invalidation is never stored after it. One lease at a time: the others who miss load
                for themselves and store nothing. A lease that is not used ends after `lease_seconds`. Values are JSON:
                anything else is a miss that is not executed, and is not replaced before it expires or is invalidated.
Not guaranteed  A rollback: invalidate on commit. An invalidation that does not arrive: the old value lives on until its time-out.
                One load: see patterns/caching/single_flight. Time-outs below a second on Memcached, which counts in seconds.
Cost            A hit is one round trip. A miss is one more to store (on Memcached four in all: get, add, gets, cas).
Use instead     patterns/caching/generations, when many values change as one; a version column and "store if newer", when each
                value carries its version.

Source: Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1.
"""

import json
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import redis
from pymemcache.client.base import Client, PooledClient

LEASE, VALUE = b"L", b"V"  # the first byte of what is stored: a lease's token, or a value as JSON

SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class Store(Protocol):
    def look(self, key: str, lease: bytes, seconds: float) -> bytes | None:
        """What is there. When nothing is, None, and now the lease is there."""

    def swap(self, key: str, lease: bytes, value: bytes, seconds: float) -> bool:
        """The value in the place of this very lease; False when it is not there any more."""

    def drop(self, key: str) -> None: ...


@dataclass(frozen=True)
class RedisStore:
    client: redis.Redis  # not decoding, short time-outs, no retries

    def look(self, key: str, lease: bytes, seconds: float) -> bytes | None:
        found: Any = self.client.set(key, lease, nx=True, get=True, px=int(seconds * 1000))  # both at once since Redis 7.0
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
        if found is None and not self.client.add(key, lease, expire=math.ceil(seconds), noreply=False):
            found = self.client.get(key) or LEASE
        return found

    def swap(self, key: str, lease: bytes, value: bytes, seconds: float) -> bool:
        found, unique = self.client.gets(key)
        return found == lease and bool(self.client.cas(key, value, unique, expire=math.ceil(seconds), noreply=False))

    def drop(self, key: str) -> None:
        self.client.delete(key, noreply=False)


@dataclass(frozen=True, kw_only=True)
class Leases:
    store: Store
    keep_seconds: float
    lease_seconds: float = 5.0  # above the slowest load, or its value is not stored

    def get(self, key: str, load: Callable[[], Any]) -> tuple[Any, bool]:
        """The value of `key`, or what `load()` returns: something that JSON can say. And whether it was a hit."""
        lease = LEASE + secrets.token_hex(16).encode()
        found = self.store.look(key, lease, self.lease_seconds)
        if found is not None and found[:1] == VALUE:
            try:
                return json.loads(found[1:]), True
            except (ValueError, RecursionError):
                pass
        as_stored = json.dumps(load())
        if found is None:
            self.store.swap(key, lease, VALUE + as_stored.encode(), self.keep_seconds)
        return json.loads(as_stored), False

    def invalidate(self, key: str) -> None:
        """Forgets the value, and the lease of whoever is loading it. Call it after the commit, on the writer's way out."""
        self.store.drop(key)
