"""What Redis holds for a key, and what a caller gets."""

import json
import math
import random
import time
from typing import Any, NamedTuple


class Entry(NamedTuple):
    value: Any
    loaded_at: float  # seconds since 1970
    fresh_until: float
    load_seconds: float
    version: str | None  # of `version_key`, read before the load

    def is_due(self) -> bool:
        """Expired, or nearly: the slower the load, the earlier one of many callers renews it."""
        early_seconds = -self.load_seconds * math.log(1 - random.random())  # noqa: S311
        return time.time() + early_seconds >= self.fresh_until

    def answer(self, outcome: str, is_stored: bool = True) -> "Answer":
        now = time.time()
        age_seconds = max(0.0, now - self.loaded_at)
        return Answer(self.value, outcome, self.fresh_until - now, age_seconds, is_stored)


class Answer(NamedTuple):
    """hit: fresh. stale: another renews it. collapsed: another loaded it. miss, refresh: we did."""

    value: Any
    outcome: str
    ttl_seconds: float  # negative: expired for so long
    age_seconds: float
    is_stored: bool = True


def decode(found: Any, versions: set[str | None]) -> Entry | None:
    """None for a miss, for another version, and for anything that is not ours."""
    try:
        entry = Entry(**json.loads(found))
        is_finite = math.isfinite(entry.loaded_at + entry.fresh_until + entry.load_seconds)
        return entry if is_finite and entry.version in versions else None
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
