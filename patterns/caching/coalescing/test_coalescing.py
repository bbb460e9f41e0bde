"""The pattern without a store: questions that answer when the test lets them."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from . import AsyncCoalescing, Coalescing

CROWD = 20


class Question:
    """Answers with the number of its asking, when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun, self.may_answer = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        self.begun.release()
        assert self.may_answer.acquire(timeout=10)
        return number


def wait_until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def crowd() -> Any:
    with ThreadPoolExecutor(CROWD) as crowd:
        yield crowd


def joined(together: Coalescing | AsyncCoalescing) -> bool:
    """Somebody waits to ask after the one who asks now."""
    return bool(together._open)


def test_who_comes_while_a_question_is_under_way_shares_the_next_one(crowd: ThreadPoolExecutor) -> None:
    together, question = Coalescing(), Question()
    first = crowd.submit(together.ask, "key", question)
    question.begun.acquire(timeout=10)

    # from here on something may have been written that the answer on its way does not know
    entered = threading.Semaphore(0)

    def late() -> Any:
        entered.release()
        return together.ask("key", question)

    others = [crowd.submit(late) for _ in range(CROWD - 1)]
    for _ in others:
        assert entered.acquire(timeout=10)
    wait_until(lambda: joined(together))
    time.sleep(0.05)  # the last may still be on its way in: it would only ask a third time
    for _ in range(3):
        question.may_answer.release()

    assert first.result(10) == (1, True)
    answers = [each.result(10) for each in others]
    assert min(answer for answer, _ in answers) == 2
    assert question.asked <= 3
    assert sum(is_own for _, is_own in answers) == question.asked - 1
    assert (together._open, together._asked) == ({}, {})


def test_different_questions_do_not_wait_for_each_other(crowd: ThreadPoolExecutor) -> None:
    together, slow = Coalescing(), Question()
    first = crowd.submit(together.ask, "slow", slow)
    slow.begun.acquire(timeout=10)

    assert together.ask("quick", lambda: "at once") == ("at once", True)

    slow.may_answer.release()
    assert first.result(10) == (1, True)


def test_who_pauses_before_the_question_may_be_joined_until_its_end(crowd: ThreadPoolExecutor) -> None:
    together, pauses, go_on = Coalescing(), [], threading.Event()

    def pause() -> None:
        pauses.append(1)
        assert go_on.wait(10)

    asked: list[int] = []
    entered = threading.Semaphore(0)

    def one() -> Any:
        entered.release()
        return together.ask("key", lambda: asked.append(1), pause)

    waiting = [crowd.submit(one) for _ in range(CROWD)]
    for _ in waiting:
        assert entered.acquire(timeout=10)
    time.sleep(0.05)
    go_on.set()
    shared = [each.result(10) for each in waiting]

    assert len(asked) == len(pauses) == sum(each.is_own for each in shared) < CROWD / 2


def test_an_error_reaches_all_who_share_and_the_next_question_is_asked(crowd: ThreadPoolExecutor) -> None:
    together, first, go_on = Coalescing(), Question(), threading.Event()
    asked: list[int] = []
    entered = threading.Semaphore(0)

    def fail() -> None:
        asked.append(1)
        assert go_on.wait(10)
        raise ConnectionError("no answer")

    crowd.submit(together.ask, "key", first)
    first.begun.acquire(timeout=10)

    def one() -> Any:
        entered.release()
        return together.ask("key", fail)

    others = [crowd.submit(one) for _ in range(CROWD - 1)]
    for _ in others:
        assert entered.acquire(timeout=10)
    first.may_answer.release()
    go_on.set()

    assert {type(each.exception(10)) for each in others} == {ConnectionError}
    assert len(asked) < CROWD / 2
    assert together.ask("key", lambda: "well again") == ("well again", True)
    assert (together._open, together._asked) == ({}, {})


def test_when_the_asker_is_stopped_another_asks(crowd: ThreadPoolExecutor) -> None:
    together, first = Coalescing(), Question()
    asked: list[str] = []

    def stopped_once() -> str:
        asked.append("asked")
        if len(asked) == 1:
            raise SystemExit
        return "answer"

    crowd.submit(together.ask, "key", first)
    first.begun.acquire(timeout=10)
    others = [crowd.submit(together.ask, "key", stopped_once) for _ in range(5)]
    wait_until(lambda: joined(together))
    first.may_answer.release()

    ends = [each.exception(10) for each in others]
    assert [type(end) for end in ends if end] == [SystemExit]
    assert {each.result().answer for each, end in zip(others, ends, strict=True) if not end} == {"answer"}


def test_a_question_that_asks_itself_is_told_so() -> None:
    together = Coalescing()

    with pytest.raises(RuntimeError, match="asks itself"):
        together.ask("key", lambda: together.ask("key", lambda: "never"))

    assert (together._open, together._asked) == ({}, {})


async def test_nor_does_a_coroutine_wait_for_itself() -> None:
    together = AsyncCoalescing()

    async def question() -> Any:
        return await together.ask("key", question)

    with pytest.raises(RuntimeError, match="asks itself"):
        await together.ask("key", question)

    assert (together._open, together._asked) == ({}, {})


def test_a_forked_child_waits_for_no_thread_of_its_parent(crowd: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    together, question = Coalescing(), Question()
    first = crowd.submit(together.ask, "key", question)
    question.begun.acquire(timeout=10)

    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: 1)  # what a child finds: its parent's dicts, and another number
        assert together.ask("key", lambda: "at once") == ("at once", True)

    question.may_answer.release()
    assert first.result(10) == (1, True)


async def test_coroutines_share_the_next_question_too() -> None:
    together, go_on, asked = AsyncCoalescing(), asyncio.Event(), []

    async def question() -> int:
        asked.append(1)
        number = len(asked)
        await go_on.wait()
        return number

    first = asyncio.create_task(together.ask("key", question))
    while not asked:
        await asyncio.sleep(0)
    others = [asyncio.create_task(together.ask("key", question)) for _ in range(CROWD)]
    await asyncio.sleep(0)
    go_on.set()

    assert await first == (1, True)
    assert await asyncio.gather(*others) == [(2, True), *[(2, False)] * (CROWD - 1)]
    assert (together._open, together._asked) == ({}, {})


async def test_coroutines_that_come_in_one_turn_of_the_loop_share_the_first_question() -> None:
    together, asked = AsyncCoalescing(), []

    async def question() -> None:
        asked.append(1)

    shared = await asyncio.gather(*(together.ask("key", question) for _ in range(CROWD)))

    assert (len(asked), sum(each.is_own for each in shared)) == (1, 1)


async def test_when_the_asking_coroutine_is_cancelled_another_asks() -> None:
    together, go_on, asked = AsyncCoalescing(), asyncio.Event(), []

    async def question() -> str:
        asked.append(1)
        await go_on.wait()
        return "answer"

    first = asyncio.create_task(together.ask("key", question))
    while not asked:
        await asyncio.sleep(0)
    second, third = (asyncio.create_task(together.ask("key", question)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    go_on.set()

    assert await third == ("answer", True)
    assert first.cancelled()
    assert second.cancelled()
    assert (together._open, together._asked) == ({}, {})


async def test_an_error_reaches_all_coroutines_that_share() -> None:
    together = AsyncCoalescing()

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise ConnectionError("no answer")

    ends = await asyncio.gather(*(together.ask("key", fail) for _ in range(CROWD)), return_exceptions=True)

    assert {type(end) for end in ends} == {ConnectionError}
