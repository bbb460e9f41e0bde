"""What Redis holds for a key, and what a caller gets."""

import json
import math
import random
import time
from typing import Any, NamedTuple

Kinds = tuple[type[Exception], ...]


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
        if outcome.startswith("stale") and self.fresh_until > now:
            outcome = "hit"  # it would have been renewed early
        age_seconds = max(0.0, now - self.loaded_at)
        return Answer(self.value, outcome, self.fresh_until - now, age_seconds, is_stored)


class Answer(NamedTuple):
    """hit: fresh. stale: another renews it. collapsed: another loaded it. miss, refresh: we did.

    stale-if-error: it could not be renewed.
    """

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


class Mark(NamedTuple):
    """A load that failed: which error, and of which version. It stands in the lock's place."""

    kind: str
    version: str | None

    @classmethod
    def of(cls, error: BaseException, version: str | None, kinds: Kinds) -> str:
        """Empty: the error is not shared."""
        found = (name_of(kind) for kind in kinds if isinstance(error, kind))
        kind = next(found, "")
        return json.dumps(cls(kind, version)) if kind else ""

    @classmethod
    def read(cls, found: Any, versions: set[str | None], kinds: Kinds) -> Exception | None:
        """The error to raise. None for a loader's token, and for another version."""
        try:
            mark = cls(*json.loads(found))
        except (TypeError, ValueError, RecursionError):
            return None
        made = {name_of(kind): kind for kind in kinds} if mark.version in versions else {}
        kind = made.get(mark.kind)
        return kind("another caller's load failed a moment ago") if kind else None


def name_of(kind: type[Exception]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
