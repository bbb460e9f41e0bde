"""The limits, what a check says, and the fallback for an outage of Redis."""

import hashlib
import logging
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

import redis
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError

from . import redis_window
from .local import LocalWindow

logger = logging.getLogger(__name__)
FAILED_OVER = (ReadOnlyError, BusyLoadingError, MasterDownError)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `quota` requests in any `window_seconds`. The name is in headers and keys."""

    name: str
    quota: int
    window_seconds: int

    def __post_init__(self) -> None:
        is_plain = re.fullmatch(r"[A-Za-z0-9_.-]+", self.name)
        if not is_plain or self.quota < 1 or self.window_seconds < 1:
            raise ValueError(f"a limit needs a plain name, a quota and a window from 1: {self}")


Checks = Sequence[tuple[Limit, str]]  # each limit, with the subject to count: a user, an address


class Standing(NamedTuple):
    limit: Limit
    remaining: int
    reset_seconds: float  # until the oldest counted request leaves the window


class Decision(NamedTuple):
    allowed: bool
    standings: tuple[Standing, ...]

    @property
    def retry_after_seconds(self) -> int:
        """Until all limits that refused have room again, rounded up; 0 if allowed."""
        full = [] if self.allowed else [each for each in self.standings if each.remaining == 0]
        return max((math.ceil(each.reset_seconds) for each in full), default=0)


class Limiter:
    """One per process, shared by threads. Without a client, each process counts alone.

    The client needs short timeouts and no retries. `retry_seconds` is the pause before Redis is
    asked again after an error.
    """

    def __init__(
        self, client: redis.Redis | None, *, prefix: str, retry_seconds: float = 1.0
    ) -> None:
        self.client, self.prefix, self.retry_seconds = client, prefix, retry_seconds
        self.local = LocalWindow()
        self._is_down, self._retry_at = False, 0.0
        self._lock = threading.Lock()
        if client is None:
            logger.warning("no Redis is configured: each process counts requests alone")

    def check(self, checks: Checks, *, count_locally: bool) -> Decision | None:
        """Counts a request against all limits, or none.

        During an outage of Redis: counted in this process, or None, which allows it.
        """
        keys = [self.key(*each) for each in checks]
        quotas = [(limit.quota, limit.window_seconds) for limit, _ in checks]
        if self.client and self._may_ask():
            try:
                allowed, counted = redis_window.count(self.client, keys, quotas)
                self._note(None)
                return decided(checks, allowed, counted)
            except redis.RedisError as error:
                self._note(error)
                if isinstance(error, FAILED_OVER):  # pooled connections would stay with a replica
                    self.client.connection_pool.disconnect(inuse_connections=False)
        if self.client and not count_locally:
            return None
        return decided(checks, *self.local.count(keys, quotas))

    def key(self, limit: Limit, subject: str) -> str:
        """Hashed: short whatever a client sends, and no name or address is stored."""
        digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=16)
        return f"{self.prefix}:{limit.name}:{digest.hexdigest()}"

    def _may_ask(self) -> bool:
        """False during an outage, but for one request per `retry_seconds`."""
        with self._lock:
            if not self._is_down:
                return True
            now = monotonic()
            is_due = now >= self._retry_at
            self._retry_at = now + self.retry_seconds if is_due else self._retry_at
            return is_due

    def _note(self, error: redis.RedisError | None) -> None:
        with self._lock:
            was_down, self._is_down = self._is_down, error is not None
            self._retry_at = monotonic() + self.retry_seconds
        if error and not was_down:  # its type only: the text may name the server
            name = type(error).__name__
            logger.error("Redis does not answer (%s): rate limits are not shared", name)
        elif was_down and not error:
            logger.warning("Redis answers again: rate limits are shared")


def decided(checks: Checks, allowed: bool, counted: list[tuple[int, float]]) -> Decision:
    pairs = zip(checks, counted, strict=True)
    standings = (Standing(limit, max(0, limit.quota - n), wait) for (limit, _), (n, wait) in pairs)
    return Decision(allowed, tuple(standings))
