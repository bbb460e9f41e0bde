"""Single flight for asyncio: one coroutine loads what has expired, the others do not, whichever process they run in.

Problem         As patterns/caching/single_flight, where a process has thousands of callers instead of two. A lock of asyncio's holds
                for one process, and the other nine load too.
Guarantee       That pattern's: one load of a key at a time, over all processes, whether they wait in threads or in coroutines, as
                both read and write the same. Coroutines of a loop that come at the same moment ask Redis once, and none gets
                an older answer for that. A loader that is cancelled, as by a visitor who leaves, frees its lock, and the
                next one loads.
Not guaranteed  That pattern's. Fairness to who cancels: what was loaded so far is lost.
Cost            A hit is one round trip, a load is three. Who waits holds a coroutine.
Use instead     patterns/caching/single_flight, in a synchronous view; cashews, when a dependency is welcome and its serializer (pickle)
                is changed; asyncio.Lock, for one process.

Sources: as patterns/caching/single_flight; docs.python.org, asyncio, "Task Cancellation".
"""

import asyncio
import contextlib
import functools
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio

from ..coalescing import AsyncCoalescing
from ..single_flight import RELEASE, STORE, Answer, Claim, Entry, Flight, Outcome, StillLoading, decode, milliseconds

REQUIRES = ("coalescing", "single_flight")

together = AsyncCoalescing()


@dataclass(frozen=True, kw_only=True)
class AsyncSingleFlight(Flight):
    """`client` must not decode responses, must have short time-outs, and must not retry: a script may have run."""

    client: redis.asyncio.Redis
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def get(self, key: str, load: Callable[[], Awaitable[Any]]) -> Answer:
        """The value of `key`, or what `load()` returns: something that JSON can say. Raises StillLoading, RedisError."""
        lock = f"{{{key}}}:lock"
        (seen, entry, claim), is_own = await together.ask((self.client, key), lambda: self._look(key, lock))
        if not is_own:
            entry = decode(seen)  # a value of our own: its asker may change what it has got
        if entry and (not claim if is_own else not self.is_due(entry)):
            return self.answer(entry, "hit")
        began_at, pause = time.monotonic(), None
        while True:
            if not claim:
                claim, is_own = await together.ask((self.client, lock), lambda: self._claim(key, lock), pause)
            token, found = claim
            is_ours = token and is_own  # the lock is its asker's, not of those who share the question
            entry = decode(found)
            if entry and found != seen:  # between our look and our claim another has loaded it
                if is_ours:
                    await self._release(lock, token)
                return self.answer(entry, "hit" if decode(seen) else "collapsed")
            if is_ours:
                return await self._load(key, lock, token, load, "refresh" if entry else "miss")
            if entry:
                return self.answer_found(entry)
            if (waited := time.monotonic() - began_at) >= self.wait_seconds:
                raise StillLoading(key)
            claim, pause = None, functools.partial(self.sleep, self.pause_seconds(waited))

    async def _look(self, key: str, lock: str) -> tuple[Any, Entry | None, Claim | None]:
        """What is there, and a claim when it is nothing, or due."""
        seen = await self.client.get(key)
        entry = decode(seen)
        return seen, entry, None if entry and not self.is_due(entry) else await self._claim(key, lock)

    async def _claim(self, key: str, lock: str) -> Claim:
        """In one round trip. The lock first: what is read after it was ours is not being replaced by anybody."""
        token = secrets.token_hex(16)
        pipeline = self.client.pipeline(transaction=False)
        pipeline.set(lock, token, nx=True, px=milliseconds(self.lock_seconds))
        pipeline.get(key)
        is_ours, found = await pipeline.execute()
        return Claim(token if is_ours else "", found)

    async def _load(self, key: str, lock: str, token: str, load: Callable[[], Awaitable[Any]], outcome: Outcome) -> Answer:
        began_at = self.clock()
        try:
            found, entry = self.written(await load(), began_at)
        except BaseException:
            await self._release(lock, token)
            raise
        is_stored = await self._store(key, lock, token, found, self.keep_seconds(entry))
        return self.answer(entry, outcome, is_stored)

    async def _store(self, key: str, lock: str, token: str, found: str, seconds: float) -> bool:
        with contextlib.suppress(redis.RedisError):  # the load has been paid for: its caller gets it, stored or not
            return bool(await self.client.eval(STORE, 2, key, lock, token, found, str(milliseconds(seconds))))
        return False

    async def _release(self, lock: str, token: str) -> None:
        with contextlib.suppress(redis.RedisError):  # then its time-out frees it
            await self.client.eval(RELEASE, 1, lock, token)
