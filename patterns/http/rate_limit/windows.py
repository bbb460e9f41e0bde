"""Two moving windows: one in Redis for all processes, one in a process's memory."""

import hashlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import cast

import redis
from redis.exceptions import NoScriptError

from .limits import Decision, Limit, Standing

Checks = Sequence[tuple[Limit, str]]  # each limit, and whom it is for
MOST_KEYS = 10_000  # in memory; the keys of a flood push out those that were counted longest ago

# A key holds a list: when each counted request came, in microseconds of Redis's clock, the oldest first. It expires when
# the youngest leaves the window. KEYS: one for each limit; ARGV: quota and window in microseconds, for each.
# Returns whether it was allowed, and for each limit how many are counted and when the next place is free.
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
    -- more than the quota: it was larger yesterday, and as many have to leave
    if count > quota then oldest = call('LINDEX', key, count - quota) end
  end
  reply[2 * i], reply[2 * i + 1] = count, (oldest or now) + window - now
end
-- only now: what one limit refuses, no other has counted
if reply[1] == 1 then
  for i, key in ipairs(KEYS) do
    reply[2 * i] = call('RPUSH', key, now)
    call('PEXPIRE', key, ARGV[2 * i] / 1000)
  end
end
return reply
"""


class RedisWindow:
    """Raises redis.RedisError. The client brings its time-outs, and must not retry: a lost answer may have counted."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self.sha = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()  # Redis's name for it

    def count(self, checks: Checks) -> Decision:
        arguments = [number for limit, _ in checks for number in (limit.quota, limit.window_seconds * 1_000_000)]
        keys = [self.key(*each) for each in checks]
        try:
            answer = self.client.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:  # a restart forgets it; only then its text is sent
            answer = self.client.eval(SCRIPT, len(keys), *keys, *arguments)
        allowed, *counted = cast(list[int], answer)
        standings = (
            Standing(limit, max(0, limit.quota - count), wait / 1_000_000)
            for (limit, _), count, wait in zip(checks, counted[::2], counted[1::2], strict=True)
        )
        return Decision(allowed == 1, tuple(standings))

    def key(self, limit: Limit, whom: str) -> str:
        """Hashed: short whatever a stranger sends as a user name, and no name or address stands in Redis."""
        return f"{self.prefix}:{limit.name}:{hashlib.blake2b(whom.encode(errors='surrogatepass'), digest_size=16).hexdigest()}"


class LocalWindow:
    """The same for one process alone: with n processes, up to n times the quota is allowed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock  # seconds, never backwards
        self.counted: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, checks: Checks) -> Decision:
        with self._lock:
            now = self.clock()
            times = [self._within(limit, whom, now) for limit, whom in checks]
            allowed = all(len(each) < limit.quota for each, (limit, _) in zip(times, checks, strict=True))
            if allowed:
                self._add(checks, times, now)
            standings = tuple(
                Standing(limit, limit.quota - len(each), (each[0] if each else now) + limit.window_seconds - now)
                for each, (limit, _) in zip(times, checks, strict=True)
            )
        return Decision(allowed, standings)

    def _within(self, limit: Limit, whom: str, now: float) -> deque[float]:
        times = self.counted.get((limit.name, whom), deque())
        while times and times[0] + limit.window_seconds <= now:
            times.popleft()
        return times

    def _add(self, checks: Checks, times: list[deque[float]], now: float) -> None:
        for each, (limit, whom) in zip(times, checks, strict=True):
            each.append(now)
            self.counted[limit.name, whom] = each
            self.counted.move_to_end((limit.name, whom))
        while len(self.counted) > MOST_KEYS:
            self.counted.popitem(last=False)
