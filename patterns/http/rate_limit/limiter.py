"""The window in Redis, and what is done while Redis is away."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

import redis

from .limits import Decision
from .windows import Checks, LocalWindow, RedisWindow

WhenAway = Literal["let_through", "refuse", "count_here"]
logger = logging.getLogger(__name__)


class LimiterAway(Exception):
    """Redis does not answer, and `when_away` is "refuse"."""


class Limiter:
    """One for a process; threads may share it. Without a client each process counts for itself.

    client             with short time-outs and no retries
    prefix             stands in front of its keys; two services on one Redis need two
    ask_again_seconds  so long Redis is left alone after it did not answer: a hung one would cost each request a time-out
    """

    def __init__(
        self, client: redis.Redis | None, *, prefix: str, ask_again_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.redis = RedisWindow(client, prefix) if client else None
        self.here = LocalWindow(clock)
        self.ask_again_seconds = ask_again_seconds
        self.clock = clock
        self.is_away = False
        self._ask_at = 0.0
        self._lock = threading.Lock()
        if client is None:
            logger.warning("no Redis is configured: each process counts its requests for itself")

    def check(self, checks: Checks, *, when_away: WhenAway) -> Decision | None:
        """Counts a request against all limits, or none. None: Redis is away and it is let through. Raises LimiterAway."""
        if self.redis is None:
            return self.here.count(checks)
        if self._may_ask():
            try:
                decision = self.redis.count(checks)
            except redis.RedisError as error:
                self._went_away(error)
            else:
                self._came_back()
                return decision
        if when_away == "refuse":
            raise LimiterAway
        return self.here.count(checks) if when_away == "count_here" else None

    def _may_ask(self) -> bool:
        if not self.is_away:
            return True
        with self._lock:  # one asks, the others do not wait for it
            now = self.clock()
            if now < self._ask_at:
                return False
            self._ask_at = now + self.ask_again_seconds
            return True

    def _went_away(self, error: redis.RedisError) -> None:
        with self._lock:
            self._ask_at = self.clock() + self.ask_again_seconds
            if not self.is_away:  # the error's kind only: its text may name the server
                logger.error("Redis does not answer (%s): rate limits are not shared until it does", type(error).__name__)
            self.is_away = True

    def _came_back(self) -> None:
        if self.is_away:
            with self._lock:
                if self.is_away:
                    logger.warning("Redis answers again: rate limits are shared")
                self.is_away = False
