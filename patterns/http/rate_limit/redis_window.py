"""The sliding window in Redis, for all processes."""

import hashlib
from typing import cast

import redis
from redis.exceptions import NoScriptError

# Per key a list: the time of each counted request in microseconds, the oldest first.
# KEYS: one per limit. ARGV: quota and window in microseconds, per limit.
# Returns if it was allowed, and per limit the count and the wait for the oldest to leave.
SCRIPT = """
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local reply = {1}
for i, key in ipairs(KEYS) do
  local quota, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local oldest = call('LINDEX', key, 0)
  while oldest and oldest + window <= now do
    call('LPOP', key)
    oldest = call('LINDEX', key, 0)
  end
  local count = oldest and call('LLEN', key) or 0
  if count >= quota then
    reply[1] = 0
    -- more than the quota: it was lowered, and as many have to leave
    if count > quota then oldest = call('LINDEX', key, count - quota) end
  end
  reply[2 * i], reply[2 * i + 1] = count, (oldest or now) + window - now
end
-- only now: a request that one limit refuses counts for none
if reply[1] == 1 then
  for i, key in ipairs(KEYS) do
    reply[2 * i] = call('RPUSH', key, now)
    call('PEXPIRE', key, ARGV[2 * i] / 1000)
  end
end
return reply
"""
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


def count(
    client: redis.Redis, keys: list[str], quotas: list[tuple[int, int]]
) -> tuple[bool, list[tuple[int, float]]]:
    """If it was allowed, and per key the count and the wait for the oldest to leave.

    Raises redis.RedisError.
    """
    numbers = [n for quota, window in quotas for n in (quota, window * 1_000_000)]
    try:
        reply = client.evalsha(SHA, len(keys), *keys, *numbers)
    except NoScriptError:  # after a restart of Redis
        reply = client.eval(SCRIPT, len(keys), *keys, *numbers)
    allowed, *counted = cast(list[int], reply)
    waits = [wait / 1_000_000 for wait in counted[1::2]]
    return allowed == 1, list(zip(counted[::2], waits, strict=True))
