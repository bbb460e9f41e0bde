"""Circuit breaker: after a failure, stop calling a server for a moment, then probe it.

Problem
    A server that hangs costs each request its full time-out, and a worker meanwhile.

Guarantee
    - Closed: every call passes. One of `errors` opens the circuit.
    - Open: calls raise CircuitOpen at once, for `open_seconds`.
    - Half-open: one probe passes. Success closes the circuit, failure reopens it.
    - A probe that never returns is followed by another.
    - An outage logs two lines, without the error's text: it may hold a URL.

Not guaranteed
    Shared state: each process pays one time-out.

Cost
    A lock. One time-out opens the circuit, even by chance.

Use instead
    purgatory or pybreaker, to count several failures or share state. (Checked 2026-11.)

Source: Nygard, "Release It!", chapter "Circuit Breaker".

Use
    # your code
    from patterns.caching.breaker import Breaker, CircuitOpen

    breaker = Breaker(errors=(OSError,), open_seconds=1)
    try:
        with breaker:
            rates = {"EUR": 1}  # call the server here
    except (CircuitOpen, OSError):
        rates = {}
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

logger = logging.getLogger(__name__)


class CircuitOpen(Exception):
    """The call was not made: the server failed a moment ago."""


class Breaker:
    """Use it as a context manager around each call. Threads may share it."""

    def __init__(
        self,
        *,
        errors: tuple[type[BaseException], ...],
        open_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.errors = errors
        self.open_seconds = open_seconds
        self.clock = clock
        self._lock = threading.Lock()
        self._open_until: float | None = None  # None: closed

    @property
    def is_open(self) -> bool:
        """Also while half-open: calls are refused until a probe succeeds."""
        return self._open_until is not None

    def __enter__(self) -> None:
        with self._lock:
            if self._open_until is None:
                return
            if self.clock() < self._open_until:
                raise CircuitOpen
            self._open_until = self.clock() + self.open_seconds  # half-open: we are the probe

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        has_failed = kind is not None and issubclass(kind, self.errors)
        with self._lock:
            was_open = self.is_open
            self._open_until = self.clock() + self.open_seconds if has_failed else None
        if kind is not None and has_failed and not was_open:
            name = kind.__name__
            logger.warning("circuit open (%s): probing every %s s", name, self.open_seconds)
        elif was_open and not has_failed:
            logger.warning("circuit closed: the server answers again")
