"""Fenced lock: each holder has a higher token, and the row rejects lower ones.

Problem
    The holder of a lock is paused. Its lock expires, another process writes, and the
    first resumes and overwrites.

Guarantee
    - One holder at a time, while none outlives the time-out.
    - Tokens rise, even if Redis lost the last one.
    - A write with a lower token changes nothing and returns False.
    - A release frees only its own lock. A dead holder's lock expires.

Not guaranteed
    Effects other than `write_fenced`: an email is sent. Waiting: NotAcquired is raised.

Cost
    Two round trips to Redis, a column, one condition in the UPDATE.

Use instead
    `select_for_update()` or `pg_advisory_xact_lock`, if all you lock is in one
    PostgreSQL.

Source: Kleppmann, "How to do distributed locking" (2016).

Use
    # your code
    from django.conf import settings
    from patterns.caching.failover import connect
    from patterns.caching.fenced_lock import FencedLock, write_fenced

    client = connect(settings.REDIS_URL)
    lock = FencedLock(client=client, name="report", ttl_seconds=10)

    def save_report(rows, text):  # the model has: fence = BigIntegerField(default=0)
        with lock.hold() as token:  # raises NotAcquired
            return write_fenced(rows, token, text=text)
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError, models

REQUIRES = ("failover",)
CLIENTS = (redis.Redis, redis.RedisCluster)

# {name}        the holder's random value, lives ttl_seconds
# {name}:fence  the last token: microseconds since 1970, or one more than the last token.
# Lua's numbers end at 2^53 µs, which is the year 2255.
ACQUIRE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local time = redis.call('TIME')
local fence = math.max(time[1] * 1000000 + time[2], (tonumber(redis.call('GET', KEYS[2])) or 0) + 1)
redis.call('SET', KEYS[2], string.format('%.0f', fence))
return fence
"""
RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"


class NotAcquired(Exception):
    """Another holds the lock."""


@dataclass(frozen=True, kw_only=True)
class FencedLock:
    client: redis.Redis | redis.RedisCluster  # must not retry: its first try may have got the lock
    name: str
    ttl_seconds: (
        float  # above the longest work; a slower holder is overtaken, and its write rejected
    )

    def __post_init__(self) -> None:
        if not isinstance(self.client, CLIENTS):
            raise NotSupportedError("a fenced lock needs Redis: Memcached has no scripts")

    @contextmanager
    def hold(self) -> Iterator[int]:
        """Yields the token for `write_fenced`. Raises NotAcquired, RedisError."""
        owner, lock = secrets.token_hex(16), f"{{{self.name}}}"  # the braces: one node of a cluster
        names, ttl_ms = (lock, f"{lock}:fence"), str(int(self.ttl_seconds * 1000))
        token = int(self._run(ACQUIRE, 2, *names, owner, ttl_ms))
        if not token:
            raise NotAcquired(self.name)
        try:
            yield token
        finally:
            with suppress(redis.RedisError):  # then it expires
                self._run(RELEASE, 1, lock, owner)

    def _run(self, script: str, keys: int, *words: str) -> Any:
        return self.client.eval(script, keys, *words)


def write_fenced(
    rows: models.QuerySet[Any], token: int, *, fence_field: str = "fence", **values: Any
) -> bool:
    """Updates the rows that have seen no higher token, in one statement.

    False: the lock was lost, and nothing was written.
    """
    return bool(
        rows.filter(**{f"{fence_field}__lte": token}).update(**{fence_field: token, **values})
    )
