"""The keys of single flight, and the round trip that takes a lock."""

import json
import secrets
from typing import Any

import redis

# key         the fields of Entry, as JSON       lives fresh_seconds + stale_seconds
# {key}:lock  the loader's random token          lives lock_seconds
#             or Mark, after a load that failed  lives failure_seconds
# The braces put both on one node of a Redis Cluster, as the script needs it.
STORE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return redis.call('DEL', KEYS[2])
"""
RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"
FAIL = """
return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
"""


def claim(
    client: redis.Redis, names: list[str], lock_seconds: float
) -> tuple[str, Any, tuple[Any, str | None]]:
    """Takes the lock, then reads: nobody replaces what we read under it. One round trip.

    Returns our token, or "", what is in the lock's place, and the value with its version.
    """
    token, lock = secrets.token_hex(16), lock_of(names[0])
    pipeline = client.pipeline(transaction=False)
    pipeline.set(lock, token, nx=True, px=int(lock_seconds * 1000))
    for version_key in names[1:]:  # a lost version gets a new token: the old one must not return
        pipeline.set(version_key, json.dumps(token), nx=True)
    for name in [lock, *names]:  # no MGET: on a cluster each may be on another node
        pipeline.get(name)
    is_ours, *replies = pipeline.execute(raise_on_error=False)
    if isinstance(is_ours, Exception):
        raise is_ours
    # a key of another type is a miss, as MGET says it
    plain = [None if isinstance(each, redis.ResponseError) else each for each in replies]
    mark, *found = plain[len(names) - 1 :]
    return token if is_ours else "", mark, read(found)


def lock_of(key: str) -> str:
    return f"{{{key}}}:lock"


def read(found: Any) -> tuple[Any, str | None]:
    """What MGET found: the value, and the version as text (None: there is no version key)."""
    return found[0], (found[1] or b"").decode(errors="replace") if len(found) > 1 else None
