"""Leaderboard: what is looked at most, and of late: a sorted set for each span of time, the older the lighter.

Problem         "Trending" by a counter shows last year's favourite for ever. Halving all counters each night is a job that
                touches every row, and runs twice or not at all. A query over the log of views reads millions of rows.
Guarantee       A view counts 1 now, and half of it each `half_life_seconds` later. What is older than all spans counts nothing, and
                is gone from Redis by itself. The order is exact to the last view at most `refresh_seconds` ago; equals are in
                the order of their names, so that two readers see one order.
Not guaranteed  Each visitor once: count visitors with a HyperLogLog, or a rate limit before this. The list after a restart of Redis
                without a disk. Decay is in steps of a span, not continuous.
Cost            A view is one round trip (two commands). A list is one; one reader each `refresh_seconds` adds up the spans, which
                costs Redis O(all members × log): below 10 ms for 10,000 members. Memory: members × spans × about 100 bytes.
Use instead     A query with an index over yesterday's counts, when a day old is good enough; t-digest or Top-K of Redis Stack, for
                millions of members. On Memcached, which has no sorted sets, it raises NotSupportedError.

Source: Redis documentation, "Sorted sets" and ZUNIONSTORE (WEIGHTS).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """{name}:span:<number> is a sorted set of the views in that span, {name}:top:<number> their weighted sum."""

    client: redis.Redis
    name: str
    span_seconds: int = 3600
    spans: int = 24
    half_life_seconds: float = 6 * 3600
    refresh_seconds: int = 10
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not isinstance(self.client, redis.Redis):
            raise NotSupportedError("a leaderboard needs a Redis: Memcached has no sorted sets")

    def add(self, member: str, number: float = 1) -> None:
        """Raises RedisError. Do not repeat it after a time-out: it may have been counted."""
        key = self._key("span", self._span())
        pipeline = self.client.pipeline(transaction=True)
        pipeline.zincrby(key, number, member)
        pipeline.expire(key, self.span_seconds * (self.spans + 1))
        pipeline.execute()

    def top(self, count: int) -> list[tuple[str, float]]:
        """The first `count`, with their weights. Raises RedisError."""
        now = self._span()
        key = self._key("top", f"{now}:{int(self.clock() // self.refresh_seconds)}")
        if not self.client.exists(key):
            weights = {self._key("span", now - age): 0.5 ** (age * self.span_seconds / self.half_life_seconds) for age in range(self.spans)}
            pipeline = self.client.pipeline(transaction=True)
            pipeline.zunionstore(key, weights)
            pipeline.expire(key, self.refresh_seconds + 1)
            pipeline.execute()
        found: Any = self.client.zrange(key, 0, count - 1, desc=True, withscores=True)
        if found and len(found) == count:  # who else has the last one's weight: which of them is shown must not be Redis's choice
            found += [each for each in self._equals(key, found[-1][1]) if each not in found]
        return sorted(((member.decode(), weight) for member, weight in found), key=lambda each: (-each[1], each[0]))[:count]

    def _equals(self, key: str, weight: float) -> Any:
        return self.client.zrange(key, weight, weight, byscore=True, withscores=True)

    def _span(self) -> int:
        return int(self.clock() // self.span_seconds)

    def _key(self, kind: str, number: Any) -> str:
        return f"{{{self.name}}}:{kind}:{number}"  # the braces: all on one node of a cluster
