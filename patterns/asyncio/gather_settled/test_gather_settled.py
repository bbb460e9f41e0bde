"""Calls that meet, fail, hang or are cancelled on command. No test depends on the clock."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from . import gather_settled

pytestmark = pytest.mark.asyncio  # said here, too, for a project whose asyncio_mode is not auto
LONG_SECONDS = 30.0


class Refused(Exception):
    """A failure that is an outcome."""


class Calls:
    """`call(name)` does what the name says, and notes how it ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.hanging = asyncio.Event()

    async def call(self, name: str) -> str:
        try:
            await self.act(name)
        finally:
            self.ended.append(name)
        return name.upper()

    async def act(self, name: str) -> None:
        if name == "refuse":
            raise Refused(name)
        if name == "bug":
            await self.hanging.wait()
            raise ZeroDivisionError
        if name == "hang":
            self.hanging.set()
            await asyncio.Event().wait()
        if name == "trickle":
            while True:
                await asyncio.sleep(0.01)
        for _ in range(10):  # later than a sibling's failure
            await asyncio.sleep(0)


async def settle(
    call: Callable[[str], Awaitable[str]], *names: str, timeout_seconds: float = LONG_SECONDS
) -> list[str | Exception]:
    async with asyncio.timeout(5):  # a broken promise fails here; it does not hang the suite
        return await gather_settled(
            call, names, timeout_seconds=timeout_seconds, failures=(Refused,)
        )


async def test_all_calls_run_concurrently() -> None:
    everybody = asyncio.Barrier(5)

    async def meet(name: str) -> str:
        await everybody.wait()  # opens for five at once, never for one after another
        return name

    assert await settle(meet, *"abcde") == list("abcde")


async def test_outcomes_are_in_the_order_of_the_arguments() -> None:
    last_is_done = asyncio.Event()

    async def call(name: str) -> str:
        if name == "last":
            last_is_done.set()
        await last_is_done.wait()
        return name

    assert await settle(call, "first", "last") == ["first", "last"]


async def test_no_arguments_have_no_outcomes() -> None:
    assert await settle(Calls().call) == []


async def test_a_failure_is_an_outcome_and_disturbs_no_other_call() -> None:
    first, refused, last = await settle(Calls().call, "fine", "refuse", "good")

    assert (first, last) == ("FINE", "GOOD")
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("name", ["hang", "trickle"])
async def test_a_call_over_its_time_is_cancelled_alone(name: str) -> None:
    calls = Calls()

    fine, late = await settle(calls.call, "fine", name, timeout_seconds=0.2)

    assert fine == "FINE"
    assert isinstance(late, TimeoutError)
    assert calls.ended == ["fine", name]


async def test_a_bug_is_raised_and_cancels_the_rest() -> None:
    calls = Calls()

    with pytest.raises(ExceptionGroup) as raised:
        await settle(calls.call, "hang", "bug")

    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
    assert sorted(calls.ended) == ["bug", "hang"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_caller_that_is_cancelled_leaves_no_task() -> None:
    calls = Calls()
    caller = asyncio.create_task(settle(calls.call, "hang", "hang", "hang"))
    await calls.hanging.wait()

    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert calls.ended == ["hang"] * 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_caller_cancelled_early_leaves_nothing_unawaited() -> None:
    calls = Calls()
    caller = asyncio.create_task(settle(calls.call, "hang"))
    await asyncio.sleep(0)  # the caller has made its task, which has not run yet

    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert asyncio.all_tasks() == {asyncio.current_task()}
