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
Cost            A hit is one round trip, a load is three; threads that come at the same moment share them (patterns/caching/coalescing).
                A value stays in memory `stale_seconds` longer than it is good. Who waits holds a thread. A process asks for a
                key that it waits for every millisecond at first, and the seldomer the longer it has waited.
Use instead     Your proxy's cache when it may hold the whole answer (nginx: proxy_cache_lock and proxy_cache_use_stale
                updating; Varnish: grace); dogpile.cache when a dependency is welcome (the same idea, with more backends;
                look at its serializer and its lock's time-out); a periodic task when the keys are few and known.

Sources: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention" (VLDB 2015), for the early
expiry; redis.io, "Distributed Locks with Redis", for the lock of one instance.
"""

import contextlib
import functools
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

from ..coalescing import Coalescing

REQUIRES = ("coalescing",)

POLL_SECONDS = 0.001
POLL_SHARE = 0.01  # of the time that has been waited: an answer is late by a hundredth of its load

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


together = Coalescing()  # of all flights of this process; the client is a part of the question


class StillLoading(Exception):
    """There is no value yet, not even a stale one, and whoever loads it has not finished within `wait_seconds`."""


class Entry(NamedTuple):
    value: Any
    loaded_at: float
    fresh_until: float
    load_seconds: float


Outcome = Literal["hit", "stale", "collapsed", "miss", "refresh"]


class Claim(NamedTuple):
    token: str  # of the lock that is ours now; empty: another has it
    found: Any  # what was there when we had it


class Answer(NamedTuple):
    """hit: fresh. stale: old, another renews it. collapsed: another loaded it for us. miss, refresh: we loaded it."""

    value: Any
    outcome: Outcome
    ttl_seconds: float  # how long it stays fresh; negative: for how long it has not been
    age_seconds: float  # since its load began: what was written since is not in it
    is_stored: bool = True


@dataclass(frozen=True, kw_only=True)
class Flight:
    """What every flight knows: its times, and what follows from them."""

    fresh_seconds: float
    stale_seconds: float
    lock_seconds: float  # above the slowest load
    wait_seconds: float  # above lock_seconds, or who waits for a dead loader is sent away before the next may begin
    jitter: float = 0.1  # the share of fresh_seconds by which a key may expire early
    clock: Callable[[], float] = time.time  # shared by all processes: seconds since 1970
    chance: Callable[[], float] = random.random

    def is_due(self, entry: Entry) -> bool:
        """Expired, or near it: the nearer and the slower to load, the likelier, so that one caller of many comes first."""
        early_seconds = entry.load_seconds * -math.log(1 - self.chance())
        return self.clock() + early_seconds >= entry.fresh_until

    def written(self, value: Any, began_at: float) -> tuple[str, Entry]:
        """What is stored of a value that has just been loaded, and the entry that all others will read of it."""
        now = self.clock()
        fresh_until = now + self.fresh_seconds * (1 - self.jitter * self.chance())
        fields = {"value": value, "loaded_at": began_at, "fresh_until": fresh_until, "load_seconds": max(0.0, now - began_at)}
        found = json.dumps(fields)
        return found, Entry(**orjson.loads(found))  # the first caller gets exactly what the others will

    def keep_seconds(self, entry: Entry) -> float:
        return entry.fresh_until - self.clock() + self.stale_seconds

    def pause_seconds(self, waited_seconds: float) -> float:
        return max(POLL_SECONDS, POLL_SHARE * waited_seconds) * (0.5 + self.chance())  # not all in step

    def answer(self, entry: Entry, outcome: Outcome, is_stored: bool = True) -> Answer:
        now = self.clock()
        return Answer(entry.value, outcome, entry.fresh_until - now, max(0.0, now - entry.loaded_at), is_stored)

    def answer_found(self, entry: Entry) -> Answer:
        return self.answer(entry, "hit" if entry.fresh_until > self.clock() else "stale")


@dataclass(frozen=True, kw_only=True)
class SingleFlight(Flight):
    """`client` must not decode responses, must have short time-outs, and must not retry: a script may have run."""

    client: redis.Redis
    sleep: Callable[[float], None] = time.sleep

    def get(self, key: str, load: Callable[[], Any]) -> Answer:
        """The value of `key`, or what `load()` returns: something that JSON can say. Raises StillLoading, RedisError."""
        lock = f"{{{key}}}:lock"
        (seen, entry, claim), is_own = together.ask((self.client, key), lambda: self._look(key, lock))
        if not is_own:
            entry = decode(seen)  # a value of our own: its asker may change what it has got
        if entry and (not claim if is_own else not self.is_due(entry)):
            return self.answer(entry, "hit")
        began_at, pause = time.monotonic(), None
        while True:
            if not claim:
                claim, is_own = together.ask((self.client, lock), lambda: self._claim(key, lock), pause)
            token, found = claim
            is_ours = token and is_own  # the lock is its asker's, not of those who share the question
            entry = decode(found)
            if entry and found != seen:  # between our look and our claim another has loaded it
                if is_ours:
                    self._release(lock, token)
                return self.answer(entry, "hit" if decode(seen) else "collapsed")
            if is_ours:
                return self._load(key, lock, token, load, "refresh" if entry else "miss")
            if entry:
                return self.answer_found(entry)
            if (waited := time.monotonic() - began_at) >= self.wait_seconds:
                raise StillLoading(key)
            claim, pause = None, functools.partial(self.sleep, self.pause_seconds(waited))

    def _look(self, key: str, lock: str) -> tuple[Any, Entry | None, Claim | None]:
        """What is there, and a claim when it is nothing, or due."""
        seen = self.client.get(key)
        entry = decode(seen)
        return seen, entry, None if entry and not self.is_due(entry) else self._claim(key, lock)

    def _claim(self, key: str, lock: str) -> Claim:
        """In one round trip. The lock first: what is read after it was ours is not being replaced by anybody."""
        token = secrets.token_hex(16)
        pipeline = self.client.pipeline(transaction=False)
        pipeline.set(lock, token, nx=True, px=milliseconds(self.lock_seconds))
        pipeline.get(key)
        is_ours, found = pipeline.execute()
        return Claim(token if is_ours else "", found)

    def _load(self, key: str, lock: str, token: str, load: Callable[[], Any], outcome: Outcome) -> Answer:
        began_at = self.clock()
        try:
            found, entry = self.written(load(), began_at)
        except BaseException:
            self._release(lock, token)
            raise
        is_stored = self._store(key, lock, token, found, self.keep_seconds(entry))
        return self.answer(entry, outcome, is_stored)

    def _store(self, key: str, lock: str, token: str, found: str, seconds: float) -> bool:
        with contextlib.suppress(redis.RedisError):  # the load has been paid for: its caller gets it, stored or not
            return bool(self.client.eval(STORE, 2, key, lock, token, found, milliseconds(seconds)))
        return False

    def _release(self, lock: str, token: str) -> None:
        with contextlib.suppress(redis.RedisError):  # then its time-out frees it
            self.client.eval(RELEASE, 1, lock, token)


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
