"""Settled gather: many awaited calls at once, each with an outcome of its own.

Problem         Awaited one after another, five calls take the sum of their times. Put into a TaskGroup, they take as long as
                the slowest, but the first failure cancels the rest; put into asyncio.gather, it leaves them running.
Guarantee       All calls are under way at once. The outcomes stand in the order of the arguments: the result, or the
                exception, when it is one of `failures`. A failure disturbs no other call. A call that takes longer than
                `timeout_seconds`, all in all, is cancelled, and its outcome is a TimeoutError. Any other exception is a bug,
                not an outcome: it cancels the rest and is raised, in an ExceptionGroup. When this function is left, in
                whatever way, also by being cancelled, no task of it is left.
Not guaranteed  No limit to how many calls run at once: give it five arguments, not five thousand. A call that blocks the loop
                or swallows its cancellation delays all.
Cost            One task and one timer a call.
Use instead     asyncio.gather(..., return_exceptions=True), when every exception may be an outcome, bugs too, and the calls
                bound their own time; asyncio.TaskGroup, when one failure makes the others pointless.

Source: Python documentation, "Coroutines and Tasks": Task Groups, Timeouts. Promise.allSettled is its cousin in JavaScript.
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
            # A client's own timeouts begin anew with each byte that arrives; this one is for the whole call.
            async with asyncio.timeout(timeout_seconds):
                return await function(argument)
        except outcomes as failure:
            return failure

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(settle(argument)) for argument in arguments]
    return [task.result() for task in tasks]
