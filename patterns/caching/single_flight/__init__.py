"""Single flight: when a cached value expires, one caller loads it.

Problem
    A popular key expires, and every request queries the database (cache stampede).

Guarantee
    - One load per key at a time, over all processes.
    - Others get the stale value, or wait at most `wait_seconds`.
    - A dead loader is replaced within `lock_seconds`. A late one stores nothing.
    - A load that raises one of `stale_if` gets the stale value (RFC 5861). Waiting
      callers share the failure for `failure_seconds`.
    - Keys stored together expire apart. Busy keys are usually renewed early.
    - With `version_key`, values from before its change are not returned.
    - Values are JSON. Anything else is a miss.

Not guaranteed
    One load longer than `lock_seconds`. `version_key` on Redis Cluster.

Cost
    One round trip per hit, three per load.

Use instead
    dogpile.cache, for Memcached. cashews, for asyncio. (Checked 2026-11.)

Source: Vattani et al., VLDB 2015.

Use
    # your code
    from django.conf import settings
    from patterns.caching.failover import connect
    from patterns.caching.single_flight import SingleFlight

    client = connect(settings.REDIS_URL)
    times = dict(fresh_seconds=60, stale_seconds=600, lock_seconds=5, wait_seconds=6)
    flight = SingleFlight(client=client, **times)
    page = flight.get("page:1", lambda: {"price": "4.90"}).value
"""

import contextlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis

from .claim import FAIL, RELEASE, STORE, claim, lock_of, read
from .entry import Answer, Entry, Mark, decode

REQUIRES = ("failover",)

Load = Callable[[], Any]
POLL_SECONDS, POLL_SHARE = 0.01, 0.1  # the share of the time waited: a slow load is polled less


class StillLoading(Exception):
    """There is no value, not even a stale one, and its loader did not finish in time."""


@dataclass(frozen=True, kw_only=True)
class SingleFlight:
    client: redis.Redis  # not decoding, short time-outs, no retries: a script may have run
    fresh_seconds: float
    stale_seconds: float
    lock_seconds: float  # above the slowest load
    wait_seconds: float  # above lock_seconds, or callers give up before a dead loader is replaced
    jitter: float = 0.1  # share of fresh_seconds by which a key may expire early
    stale_if: tuple[type[Exception], ...] = ()  # the source is down
    shared: tuple[type[Exception], ...] = ()  # there is no such thing
    failure_seconds: float = 1.0

    def get(self, key: str, load: Load, *, version_key: str = "") -> Answer:
        """The value of `key`, or of `load()`, as JSON. Raises StillLoading, RedisError."""
        names = [key, version_key] if version_key else [key]
        first, version = read(self.client.mget(names))
        entry = decode(first, {version})
        if entry and not entry.is_due():
            return entry.answer("hit")
        was_there, versions, began = entry is not None, {version}, time.monotonic()
        while True:
            token, mark, (found, version) = claim(self.client, names, self.lock_seconds)
            versions.add(version)  # a value of any version that we have seen is new enough for us
            entry = decode(found, versions)
            if entry and found != first:  # another loaded it between our read and our claim
                self._release(key, token)
                return entry.answer("hit" if was_there else "collapsed")
            if token:
                return self._load(key, load, token, version, entry)
            failure = Mark.read(mark, versions, self.stale_if + self.shared)
            if entry:
                return entry.answer("stale-if-error" if failure else "stale")
            if failure:
                raise failure
            if (waited := time.monotonic() - began) >= self.wait_seconds:
                raise StillLoading(key)
            pause = max(POLL_SECONDS, POLL_SHARE * waited) * (0.5 + random.random())  # noqa: S311
            time.sleep(min(pause, self.wait_seconds - waited))

    def _load(
        self, key: str, load: Load, token: str, version: str | None, stale: Entry | None
    ) -> Answer:
        began_at = time.time()
        try:
            value, now = load(), time.time()
            share = 1 - self.jitter * random.random()  # noqa: S311
            fresh_until = now + self.fresh_seconds * share
            new = Entry(value, began_at, fresh_until, now - began_at, version)
            text = json.dumps(new._asdict())
            if not (entry := decode(text, {version})):  # the first caller gets what the others will
                raise ValueError("the value is nested too deeply for JSON")
        except BaseException as error:
            self._fail(key, token, version, error)
            if stale and isinstance(error, self.stale_if):
                return stale.answer("stale-if-error")
            raise
        keep_ms = int((fresh_until - now + self.stale_seconds) * 1000)
        is_stored = False
        with contextlib.suppress(redis.RedisError):  # the load is done: its caller gets the value
            is_stored = bool(self.client.eval(STORE, 2, key, lock_of(key), token, text, keep_ms))
        return entry.answer("refresh" if stale else "miss", is_stored)

    def _fail(self, key: str, token: str, version: str | None, error: BaseException) -> None:
        if not (mark := Mark.of(error, version, self.stale_if + self.shared)):
            self._release(key, token)
            return
        with contextlib.suppress(redis.RedisError):  # then its lock expires
            seconds = self.failure_seconds
            self.client.eval(FAIL, 1, lock_of(key), token, mark, int(seconds * 1000))

    def _release(self, key: str, token: str) -> None:
        with contextlib.suppress(redis.RedisError):  # then it expires
            if token:
                self.client.eval(RELEASE, 1, lock_of(key), token)
