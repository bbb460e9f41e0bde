"""Single flight: when a cached value expires, one caller loads it, and the others do not.

Problem         A popular key expires. Everybody who asks in the next 100 ms misses and loads: the database, which the
                cache was to protect, gets all the traffic at once.
Guarantee       One load of a key at a time, over all processes, and none of what another has just loaded. Meanwhile the
                others get the stale value at once; when there is none they wait, at most `wait_seconds`, then StillLoading.
                A loader that dies is followed by another no later than `lock_seconds` after it began. One that comes
                back after that stores nothing and frees nobody's lock; one that raises frees its own at once. What is
                in Redis is read as JSON: anything else is a miss, and is never executed. Keys that were stored together
                expire apart (jitter), and a busy key is mostly renewed before it expires (early expiry).
Not guaranteed  Freshness after a write: a value may be `fresh_seconds` old, and older while it is being renewed. One load
                when it takes longer than `lock_seconds`, or when Redis fails over and forgets the lock. Anything without
                Redis: its errors reach the caller, except those after a load, which only leave the value unstored.
Cost            A hit is one round trip, a load is three. A value stays in memory `stale_seconds` longer than it is good.
                Who waits holds a thread and asks Redis every 20 ms.
Use instead     Your proxy's cache when it may hold the whole answer (nginx: proxy_cache_lock and proxy_cache_use_stale
                updating; Varnish: grace); dogpile.cache when a dependency is welcome (the same idea, with more backends;
                look at its serializer and its lock's time-out); a periodic task when the keys are few and known.

Sources: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention" (VLDB 2015), for the early
expiry; redis.io, "Distributed Locks with Redis", for the lock of one instance.
"""

import contextlib
import json
import math
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson
import redis

POLL_SECONDS = 0.02  # a waiter's answer is late by half of that on average; shorter only makes Redis busier

# Redis holds, for each key:
#   key          {"value": …, "loaded_at", "fresh_until": seconds since 1970, "load_seconds": …}   lives fresh + stale seconds
#   {key}:lock   a random token, the loader's                                                      lives lock_seconds
# The braces put both on one node of a Redis Cluster, as the script needs them.
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class StillLoading(Exception):
    """There is no value yet, not even a stale one, and whoever loads it has not finished within `wait_seconds`."""


class Entry(NamedTuple):
    value: Any
    loaded_at: float
    fresh_until: float
    load_seconds: float


class Answer(NamedTuple):
    """hit: fresh. stale: old, another renews it. collapsed: another loaded it for us. miss, refresh: we loaded it."""

    value: Any
    outcome: Literal["hit", "stale", "collapsed", "miss", "refresh"]
    ttl_seconds: float  # how long it stays fresh; negative: for how long it has not been
    age_seconds: float  # since its load began: what was written since is not in it
    is_stored: bool = True


@dataclass(frozen=True, kw_only=True)
class SingleFlight:
    """`client` must not decode responses, must have short time-outs, and must not retry: a script may have run."""

    client: redis.Redis
    fresh_seconds: float
    stale_seconds: float
    lock_seconds: float  # above the slowest load
    wait_seconds: float  # above lock_seconds, or who waits for a dead loader is sent away before the next may begin
    jitter: float = 0.1  # the share of fresh_seconds by which a key may expire early
    clock: Callable[[], float] = time.time  # shared by all processes: seconds since 1970
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep

    def get(self, key: str, load: Callable[[], Any]) -> Answer:
        """The value of `key`, or what `load()` returns: something that JSON can say. Raises StillLoading, RedisError."""
        seen = self.client.get(key)
        entry = decode(seen)
        if entry and not self._is_due(entry):
            return self._answer(entry, "hit")
        lock, token = f"{{{key}}}:lock", secrets.token_hex(16)
        deadline = time.monotonic() + self.wait_seconds
        while True:
            is_ours, found = self._claim(key, lock, token)
            entry = decode(found)
            if entry and found != seen:  # between our look and our claim another has loaded it
                if is_ours:
                    self._release(lock, token)
                return self._answer(entry, "hit" if decode(seen) else "collapsed")
            if is_ours:
                return self._load(key, lock, token, load, "refresh" if entry else "miss")
            if entry:
                return self._answer(entry, "hit" if entry.fresh_until > self.clock() else "stale")
            if time.monotonic() >= deadline:
                raise StillLoading(key)
            self.sleep(POLL_SECONDS * (0.5 + self.chance()))  # not all in step

    def _is_due(self, entry: Entry) -> bool:
        """Expired, or near it: the nearer and the slower to load, the likelier, so that one caller of many comes first."""
        early_seconds = entry.load_seconds * -math.log(1 - self.chance())
        return self.clock() + early_seconds >= entry.fresh_until

    def _claim(self, key: str, lock: str, token: str) -> tuple[bool, Any]:
        """In one round trip. The lock first: what is read after it was ours is not being replaced by anybody."""
        pipeline = self.client.pipeline(transaction=False)
        pipeline.set(lock, token, nx=True, px=milliseconds(self.lock_seconds))
        pipeline.get(key)
        is_ours, found = pipeline.execute()
        return bool(is_ours), found

    def _load(self, key: str, lock: str, token: str, load: Callable[[], Any], outcome: Literal["miss", "refresh"]) -> Answer:
        began_at = self.clock()
        try:
            value = load()
            fresh_seconds = self.fresh_seconds * (1 - self.jitter * self.chance())
            now = self.clock()
            found = json.dumps(
                {"value": value, "loaded_at": began_at, "fresh_until": now + fresh_seconds, "load_seconds": max(0.0, now - began_at)}
            )
            value = orjson.loads(found)["value"]  # the first caller gets exactly what the others will
        except BaseException:
            self._release(lock, token)
            raise
        is_stored = self._store(key, lock, token, found, fresh_seconds + self.stale_seconds)
        return Answer(value, outcome, fresh_seconds, max(0.0, now - began_at), is_stored)

    def _store(self, key: str, lock: str, token: str, found: str, seconds: float) -> bool:
        with contextlib.suppress(redis.RedisError):  # the load has been paid for: its caller gets it, stored or not
            return bool(self.client.eval(STORE, 2, key, lock, token, found, milliseconds(seconds)))
        return False

    def _release(self, lock: str, token: str) -> None:
        with contextlib.suppress(redis.RedisError):  # then its time-out frees it
            self.client.eval(RELEASE, 1, lock, token)

    def _answer(self, entry: Entry, outcome: Literal["hit", "stale", "collapsed"]) -> Answer:
        now = self.clock()
        return Answer(entry.value, outcome, entry.fresh_until - now, max(0.0, now - entry.loaded_at))


def decode(found: Any) -> Entry | None:
    """None for nothing, and for anything that we have not written."""
    try:
        fields = orjson.loads(found)  # three times as fast as json, and a hit is little else
        entry = Entry(fields["value"], float(fields["loaded_at"]), float(fields["fresh_until"]), float(fields["load_seconds"]))
    except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError):
        return None
    return entry if math.isfinite(entry.loaded_at + entry.fresh_until + entry.load_seconds) else None


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
