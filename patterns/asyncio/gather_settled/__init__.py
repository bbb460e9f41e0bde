"""Settled gather: run many calls concurrently, each with its own outcome.

Problem
    One after another, calls take the sum of their times. In a TaskGroup the first
    failure cancels the rest. asyncio.gather leaves them running.

Guarantee
    - All calls run concurrently. Outcomes are in the order of the arguments.
    - One of `failures` is an outcome and disturbs no other call.
    - A call over `timeout_seconds` is cancelled: TimeoutError.
    - Any other exception cancels the rest and is raised.
    - No task is left running.

Not guaranteed
    A limit on concurrency. A call that blocks the loop delays all.

Cost
    One task and one timer per call.

Use instead
    asyncio.TaskGroup, if one failure makes the others pointless. aiometer, for
    thousands of calls. (Checked 2026-11.)

Source: Python documentation, "Coroutines and Tasks".

Use
    # your code
    import asyncio
    from patterns.asyncio.gather_settled import gather_settled

    async def fetch(name: str) -> str:
        return f"price of {name}"  # an HTTP call

    async def quotes() -> list[str | Exception]:
        names, failures = ["ups", "dhl"], (OSError,)
        return await gather_settled(fetch, names, timeout_seconds=2, failures=failures)

    print(asyncio.run(quotes()))
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")


async def gather_settled(
    function: Callable[[A], Awaitable[R]],
    arguments: Iterable[A],
    *,
    timeout_seconds: float,
    failures: tuple[type[Exception], ...],
) -> list[R | Exception]:
    """Awaits `function(each)` for all arguments at once."""

    outcomes: tuple[type[Exception], ...] = (TimeoutError, *failures)

    async def settle(argument: A) -> R | Exception:
        try:
            # A client's own time-outs restart with each byte; this one bounds the whole call.
            async with asyncio.timeout(timeout_seconds):
                return await function(argument)
        except outcomes as failure:
            return failure

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(settle(argument)) for argument in arguments]
    return [task.result() for task in tasks]
