"""The bumps that this process could not send. They are repeated until they arrive."""

import threading
import time

RETRY_SECONDS = 1.0  # a server that hangs costs one caller a time-out, each time


class Unsent:
    """The bumps that this process could not send, by their key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._retry_at: dict[str, float] = {}

    def count(self, key: str) -> int:
        return self._counts.get(key, 0)

    def add(self, key: str) -> None:
        with self._lock:
            self._counts[key] = self.count(key) + 1
            self._retry_at[key] = time.monotonic() + RETRY_SECONDS

    def may_retry(self, key: str) -> bool:
        """True for one caller per RETRY_SECONDS."""
        with self._lock:
            now = time.monotonic()
            is_due = now >= self._retry_at.get(key, 0)
            self._retry_at[key] = now + RETRY_SECONDS if is_due else self._retry_at[key]
            return is_due

    def sent(self, key: str, count: int) -> None:
        """Unless another bump failed since the `count` was read."""
        with self._lock:
            if self.count(key) == count:
                self._counts.pop(key, None)

    def forget(self) -> None:
        """As a new process."""
        self.__init__()  # type: ignore[misc]


unsent = Unsent()
