"""Circuit breaker: after one failure nobody asks for a moment, then one asks, and the others see what becomes of it.

Problem         A server that hangs costs every request its full time-out, and each of those holds a worker: the whole site
                becomes as slow as the cache that was to make it fast.
Guarantee       After a failure nobody is let through for `open_seconds`; then one is, and until it comes back nobody else
                is. Its success lets all through again, its failure closes the way for another `open_seconds`. A probe
                that never comes back is followed by another after `open_seconds`. Other errors than `errors` are no
                failure. Threads may share it. An outage is two lines in the log, its beginning and its end, with the
                error's name and not its text, which may hold an address and a password.
Not guaranteed  Anything between processes: each learns by itself, and pays one time-out for it.
Cost            A lock for some hundred nanoseconds. One unlucky time-out costs `open_seconds` without the cache, so it
                fits a thing that one can do without; for a thing that one cannot, count several failures first.
Use instead     purgatory or pybreaker, when failures are to be counted, or shared between processes.

Source: Nygard, "Release It!", chapter "Circuit Breaker".
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

logger = logging.getLogger(__name__)


class CircuitOpen(Exception):
    """Not asked: it failed a moment ago."""


class Breaker:
    """Use it as a context manager around each call. `errors` are the exceptions that mean that the server is away."""

    def __init__(
        self, *, errors: tuple[type[BaseException], ...], open_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.errors = errors
        self.open_seconds = open_seconds
        self.clock = clock
        self._lock = threading.Lock()
        self._closed_until: float | None = None  # None: all may pass

    @property
    def is_open(self) -> bool:
        """True while calls are refused, as an electrician says it: no current flows."""
        return self._closed_until is not None

    def __enter__(self) -> None:
        with self._lock:
            if self._closed_until is None:
                return
            if self.clock() < self._closed_until:
                raise CircuitOpen
            self._closed_until = self.clock() + self.open_seconds  # we are the one that looks: the others wait for us

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        has_failed = kind is not None and issubclass(kind, self.errors)
        with self._lock:
            was_open, self._closed_until = self.is_open, self.clock() + self.open_seconds if has_failed else None
        if kind is not None and has_failed and not was_open:
            logger.warning("away (%s): not asked for %s s at a time, until it answers", kind.__name__, self.open_seconds)
        elif was_open and not has_failed:
            logger.warning("it answers again")
