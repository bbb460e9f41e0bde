"""Leaderboard with decay: what is popular now, from one sorted set per hour.

Problem
    "Trending" by a counter shows last year's favourite forever. A query over the log
    of views reads millions of rows.

Guarantee
    - A view counts 1 now, and half after each `half_life_seconds`.
    - Views older than all spans count nothing, and Redis drops them.
    - The list is at most `refresh_seconds` old.
    - Equal members are ordered by name.

Not guaranteed
    One view per visitor. The list after a restart of Redis without persistence.

Cost
    One round trip per view and per list.

Use instead
    A query over yesterday's counts, if that is new enough. Redis' TOPK, for millions of
    members. Memcached: NotSupportedError. (Checked 2026-11.)

Source: Redis documentation, ZUNIONSTORE (WEIGHTS).

Use
    # your code
    from django.conf import settings
    from patterns.caching.failover import connect
    from patterns.caching.leaderboard import Leaderboard

    client = connect(settings.REDIS_URL)
    trending = Leaderboard(client=client, name="trending")
    trending.add("product:1")
    first_ten = trending.top(10)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError

REQUIRES = ("failover",)
CLIENTS = (redis.Redis, redis.RedisCluster)


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """{name}:span:<number> is a sorted set of views, {name}:top:<number> their weighted sum."""

    client: redis.Redis | redis.RedisCluster
    name: str
    span_seconds: int = 3600
    spans: int = 24
    half_life_seconds: float = 6 * 3600
    refresh_seconds: int = 10
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if not isinstance(self.client, CLIENTS):
            raise NotSupportedError("a leaderboard needs Redis: Memcached has no sorted sets")

    def add(self, member: str, number: float = 1) -> None:
        """Raises RedisError. Do not retry after a time-out: it may have been counted."""
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
            half_lives_per_span = self.span_seconds / self.half_life_seconds
            weights = {
                self._key("span", now - age): 0.5 ** (age * half_lives_per_span)
                for age in range(self.spans)
            }
            pipeline = self.client.pipeline(transaction=True)
            pipeline.zunionstore(key, weights)
            pipeline.expire(key, self.refresh_seconds + 1)
            pipeline.execute()
        found: Any = self.client.zrange(key, 0, count - 1, desc=True, withscores=True)
        if found and len(found) == count:  # others may have the last one's weight
            found += [each for each in self._equals(key, found[-1][1]) if each not in found]
        pairs = [(member.decode(), weight) for member, weight in found]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:count]

    def _equals(self, key: str, weight: float) -> Any:
        return self.client.zrange(key, weight, weight, byscore=True, withscores=True)

    def _span(self) -> int:
        return int(self.clock() // self.span_seconds)

    def _key(self, kind: str, number: Any) -> str:
        return f"{{{self.name}}}:{kind}:{number}"  # the braces: one node of a cluster
