"""Single flight on Memcached: the same promises as far as add and cas go.

Problem         The popular key expires, the store is Memcached: it has no scripts, no "store if my lock is still mine", and
                counts time in whole seconds.
Guarantee       As patterns/caching/single_flight: one load of a key at a time, a stale value meanwhile, a bounded wait for the first,
                a loader that dies is followed after the lock's time, one that comes back after that stores nothing and frees
                nobody's lock. What is not our JSON is a miss, and is never executed.
Not guaranteed  Fractions of a second: times are rounded up to whole ones. Values above 1 MB are not stored (memcached -I raises
                it), keys above 250 bytes are refused: hash them. Memcached may evict a lock, and then two load.
Cost            A hit is one round trip. A load is eight: get, add, get; gets, get, cas; gets, cas. On Redis it is three.
Use instead     Memcached's own meta commands (`mg` with N, R and the W flag, since 1.6): the server hands out the right to
                renew; when a client library that speaks them is at hand (pymemcache does not).

Sources: memcached, protocol.txt ("cas") and "Meta commands: Stale invalidation"; patterns/caching/single_flight.
"""

import contextlib
import math
import secrets
import time
from dataclasses import dataclass

from pymemcache.client.base import Client, PooledClient
from pymemcache.exceptions import MemcacheError

from ..single_flight import Claim, SingleFlight

REQUIRES = ("single_flight",)

AWAY = (MemcacheError, OSError)
MONTH_SECONDS = 30 * 24 * 3600  # Memcached takes a longer time for a date


@dataclass(frozen=True, kw_only=True)
class MemcachedFlight(SingleFlight):
    """`client` has short time-outs, and no serde: what is stored are bytes. Raises StillLoading, MemcacheError, OSError."""

    client: Client | PooledClient

    def _claim(self, key: str, lock: str) -> Claim:
        token = secrets.token_hex(16)
        is_ours = self.client.add(lock, token, expire=expiry(self.lock_seconds), noreply=False)
        return Claim(token if is_ours else "", self.client.get(key))

    def _store(self, key: str, lock: str, token: str, found: str, seconds: float) -> bool:
        try:
            # In this order: if the lock was ours after we had seen what is there, nobody has stored anything newer,
            # and if somebody does from here on, cas refuses us.
            _, unique = self.client.gets(key)
            if self.client.get(lock) != token.encode():
                return False
            if unique is None:
                return bool(self.client.add(key, found, expire=expiry(seconds), noreply=False))
            return bool(self.client.cas(key, found, unique, expire=expiry(seconds), noreply=False))
        except AWAY:
            return False
        finally:
            self._release(lock, token)

    def _release(self, lock: str, token: str) -> None:
        with contextlib.suppress(*AWAY):  # then its time-out frees it
            found, unique = self.client.gets(lock)
            if found == token.encode():
                self.client.cas(lock, "", unique, expire=-1, noreply=False)  # there is no "delete if"; expired is deleted


def expiry(seconds: float) -> int:
    """Whole seconds, never fewer than asked for."""
    return math.ceil(seconds) if seconds <= MONTH_SECONDS else math.ceil(time.time() + seconds)
