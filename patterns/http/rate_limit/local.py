"""The sliding window in one process: with n processes, up to n times the quota is allowed."""

import threading
from collections import OrderedDict, deque
from time import monotonic

MAX_KEYS = 10_000  # then the keys that were not counted for longest are dropped


class LocalWindow:
    def __init__(self) -> None:
        self.counted: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(
        self, keys: list[str], quotas: list[tuple[int, int]]
    ) -> tuple[bool, list[tuple[int, float]]]:
        """If it was allowed, and per key the count and the wait for the oldest to leave."""
        with self._lock:
            now = monotonic()
            times = [self.counted.get(key, deque()) for key in keys]
            for each, (_, window) in zip(times, quotas, strict=True):
                while each and each[0] + window <= now:
                    each.popleft()
            checked = list(zip(keys, times, quotas, strict=True))
            allowed = all(len(each) < quota for _, each, (quota, _) in checked)
            if allowed:
                for key, each, _ in checked:
                    each.append(now)
                    self.counted[key] = each
                    self.counted.move_to_end(key)
            while len(self.counted) > MAX_KEYS:
                self.counted.popitem(last=False)
            return allowed, [
                (len(each), (each[0] if each else now) + window - now)
                for _, each, (_, window) in checked
            ]
