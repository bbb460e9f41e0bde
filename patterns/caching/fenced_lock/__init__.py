"""Fenced lock: a lock whose every holder gets a higher number, and a resource that refuses the lower ones.

Problem         A worker takes a lock with a time-out, is paused (garbage collection, a stopped container, a slow disk), and
                the time runs out. Another gets the lock and writes. The first wakes up, believes that it still holds the
                lock, and overwrites; then it deletes the lock, which is the other's.
Guarantee       One holder at a time while nobody outlives the time-out. Each holder's token is higher than all before it,
                also when Redis has lost the last one. A write with a token below the highest that the row has seen changes
                nothing, and says so. Releasing frees one's own lock only. A holder that dies loses the lock after `ttl_seconds`.
Not guaranteed  That the slow one did nothing: only what goes through `write_fenced` is refused, an email is sent. Tokens that
                rise when Redis is lost *and* its clock goes back by more than the outage; then writes are refused, not mixed.
                Waiting for the lock: who does not get it is told so.
Cost            Two round trips to Redis, a column of 8 bytes, and one condition in the UPDATE.
Use instead     `select_for_update()` or `pg_advisory_xact_lock`, when all that is locked is in one PostgreSQL: the lock ends with
                the transaction, and nothing can be written after it. Then no Redis is needed. On Memcached there is no script,
                and an evicted counter would begin again: NotSupportedError.

Source: Kleppmann, "How to do distributed locking" (2016), "Making the lock safe with fencing".
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError, models

# {name}        a random word, the holder's       lives ttl_seconds
# {name}:fence  the last token, microseconds since 1970 or one more than the last. 2^53 µs, where Lua's numbers end, is the year 2255.
ACQUIRE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local time = redis.call('TIME')
local fence = math.max(time[1] * 1000000 + time[2], (tonumber(redis.call('GET', KEYS[2])) or 0) + 1)
redis.call('SET', KEYS[2], string.format('%.0f', fence))
return fence
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class NotAcquired(Exception):
    """Another holds the lock."""


@dataclass(frozen=True, kw_only=True)
class FencedLock:
    """`client` must not retry: its first try may have got the lock."""

    client: redis.Redis
    name: str
    ttl_seconds: float  # above the longest work; who needs more is overtaken, and then refused

    def __post_init__(self) -> None:
        if not isinstance(self.client, redis.Redis):
            raise NotSupportedError("a fenced lock needs Redis: Memcached has no scripts, and may evict the last token")

    @contextmanager
    def hold(self) -> Iterator[int]:
        """Yields the token, to be given to `write_fenced`. Raises NotAcquired, RedisError."""
        word, lock = secrets.token_hex(16), f"{{{self.name}}}"  # the braces: both keys on one node of a cluster
        token = int(self._run(ACQUIRE, 2, lock, f"{lock}:fence", word, str(int(self.ttl_seconds * 1000))))
        if not token:
            raise NotAcquired(self.name)
        try:
            yield token
        finally:
            with suppress(redis.RedisError):  # then its time-out frees it
                self._run(RELEASE, 1, lock, word)

    def _run(self, script: str, keys: int, *words: str) -> Any:
        return self.client.eval(script, keys, *words)


def write_fenced(rows: models.QuerySet[Any], token: int, *, fence_field: str = "fence", **values: Any) -> bool:
    """Updates the rows that have seen no higher token. False: the lock was lost, and nothing was written.

    The model has the field: `fence = BigIntegerField(default=0)`. Its condition and its write are one statement.
    """
    return bool(rows.filter(**{f"{fence_field}__lte": token}).update(**{fence_field: token, **values}))
