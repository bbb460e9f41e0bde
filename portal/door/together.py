"""Many slow questions at once, so that a page takes as long as the slowest, and never longer than a deadline."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Answer = TypeVar("Answer")

# Above every time-out of a socket. What it is for: a name server that does not answer, which no socket's time-out bounds.
DEADLINE_SECONDS = 4.0
# Four request threads ask at most 6 × 2 demos and some servers each; idle threads cost next to nothing.
_pool = ThreadPoolExecutor(64, thread_name_prefix="ask")


def together(calls: Sequence[Callable[[], Answer]], *, deadline_seconds: float = DEADLINE_SECONDS) -> list[Answer | None]:
    """The answers in order; None where there was none in time. Raises what a call raised."""
    futures = [_pool.submit(call) for call in calls]
    wait(futures, timeout=deadline_seconds)
    return [None if future.cancel() or not future.done() else future.result() for future in futures]
