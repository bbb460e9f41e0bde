"""Coalescing: threads, or coroutines, that ask the same question at the same time ask it once, and get no older answer for that.

Problem         A hundred threads want one key in the same millisecond. Each sends its own question, and the interpreter lets one
                of them work at a time: the last waits for the work of all.
Guarantee       Of each question one is under way at a time in this process; those who come meanwhile share the next. An answer has
                been asked for after its caller came: whatever was written before is in it. (Handing out the answer that is on
                its way already, as most single flights do, may show a caller the value from before its own write.) An error
                reaches all who share the question; whose asker is stopped before it has an answer is asked again.
Not guaranteed  Anything between processes. An end: a question has to have a time-out of its own, and who shares waits for two
                questions at most, the one under way and its own. Copies: all get the same object, so share bytes, not lists.
Cost            A lock and four steps on two dicts where nobody else asks. Who shares sleeps on a lock, or awaits an event.
Use instead     A Future in a dict, joined at any time, where an answer may be as old as the question that is under way; a
                proxy's request coalescing (nginx: proxy_cache_lock), when the question is a whole page.

Sources: "Combining funnels", Shavit and Zemach (PODC 1998), for sharing a turn; Go's golang.org/x/sync/singleflight, for the other
way; Herlihy and Wing, "Linearizability" (TOPLAS 1990), for what an answer may be as old as.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple


class Shared(NamedTuple):
    answer: Any
    is_own: bool  # we have asked; False: another has, for us too


class Turn:
    """One asking of a question. `over` is locked until there is an answer, or none will come."""

    __slots__ = ("answer", "asker", "error", "is_answered", "over")

    def __init__(self) -> None:
        self.asker = threading.get_ident()
        self.over = threading.Lock()
        self.over.acquire()
        self.is_answered = False
        self.answer: Any = None
        self.error: Exception | None = None

    def wait(self) -> None:
        if self.asker == threading.get_ident():
            raise RuntimeError("a question asks itself")  # and would wait for itself
        with self.over:
            pass


class Coalescing:
    """May be shared by all threads. Needs no lock: each step on the two dicts is one that the interpreter does not divide."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Turn] = {}  # not asked yet: may be joined
        self._asked: dict[Hashable, Turn] = {}  # under way

    def ask(self, key: Hashable, question: Callable[[], Any], pause: Callable[[], None] | None = None) -> Shared:
        """The answer of `question()`, asked by us or by another thread with the same key. Who asks makes `pause()` first, and may be
        joined until its end. Raises what the question raises, and RuntimeError for a question that asks itself."""
        here = (os.getpid(), key)  # a forked child waits for none of its parent's threads: they are not here
        mine = Turn()
        turn = self._open.setdefault(here, mine)
        if turn is mine:
            return Shared(self._ask(here, mine, question, pause), True)
        turn.wait()
        if turn.error:
            raise turn.error
        return Shared(turn.answer, False) if turn.is_answered else self.ask(key, question, pause)

    def _ask(self, key: Hashable, mine: Turn, question: Callable[[], Any], pause: Callable[[], None] | None) -> Any:
        try:
            if before := self._asked.get(key):
                before.wait()
            if pause:
                pause()
            self._asked[key] = mine  # first this, then that: who comes in between joins us, and who comes later waits for us
            del self._open[key]
            mine.answer = question()
            mine.is_answered = True
            return mine.answer
        except Exception as error:
            mine.error = error
            raise
        finally:
            for turns in (self._open, self._asked):
                if turns.get(key) is mine:
                    del turns[key]
            mine.over.release()


class AsyncTurn:
    __slots__ = ("answer", "asker", "error", "is_answered", "over")

    def __init__(self) -> None:
        self.asker = asyncio.current_task()
        self.over = asyncio.Event()
        self.is_answered = False
        self.answer: Any = None
        self.error: Exception | None = None

    async def wait(self) -> None:
        if self.asker is asyncio.current_task():
            raise RuntimeError("a question asks itself")
        await self.over.wait()


class AsyncCoalescing:
    """The same for coroutines: those of one loop share, as an answer cannot go from one loop to another."""

    def __init__(self) -> None:
        self._open: dict[Hashable, AsyncTurn] = {}
        self._asked: dict[Hashable, AsyncTurn] = {}

    async def ask(
        self, key: Hashable, question: Callable[[], Awaitable[Any]], pause: Callable[[], Awaitable[None]] | None = None
    ) -> Shared:
        """As Coalescing.ask. Who asks and is cancelled is followed by one of those who share."""
        here = (asyncio.get_running_loop(), key)
        if not (turn := self._open.get(here)):
            turn = self._open[here] = AsyncTurn()
            return Shared(await self._ask(here, turn, question, pause), True)
        await turn.wait()
        if turn.error:
            raise turn.error
        return Shared(turn.answer, False) if turn.is_answered else await self.ask(key, question, pause)

    async def _ask(
        self, key: Hashable, mine: AsyncTurn, question: Callable[[], Awaitable[Any]], pause: Callable[[], Awaitable[None]] | None
    ) -> Any:
        try:
            await asyncio.sleep(0)  # whoever is about to ask in this turn of the loop joins us
            if before := self._asked.get(key):
                await before.wait()
            if pause:
                await pause()
            self._asked[key] = mine
            del self._open[key]
            mine.answer = await question()
            mine.is_answered = True
            return mine.answer
        except Exception as error:
            mine.error = error
            raise
        finally:
            for turns in (self._open, self._asked):
                if turns.get(key) is mine:
                    del turns[key]
            mine.over.set()
