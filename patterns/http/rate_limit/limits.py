"""What is limited, and what came out, with the header fields that say so."""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `quota` requests in any `window_seconds`. The name stands in the header fields and in Redis's keys."""

    name: str
    quota: int
    window_seconds: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.name) or self.quota < 1 or self.window_seconds < 1:
            raise ValueError(f"a limit needs a plain name, a quota and a window of at least 1: {self}")


class Standing(NamedTuple):
    """How one limit stands after the check."""

    limit: Limit
    remaining: int
    reset_seconds: float  # until the next place is free


class Decision(NamedTuple):
    """Of one check."""

    allowed: bool
    standings: tuple[Standing, ...]

    @property
    def limit(self) -> Limit:
        """The tightest of the limits."""
        return self._tightest.limit

    @property
    def remaining(self) -> int:
        return self._tightest.remaining

    @property
    def retry_after_seconds(self) -> int:
        """When all limits that refused have a place again, rounded up; 0 when it was allowed."""
        return 0 if self.allowed else max(math.ceil(each.reset_seconds) for each in self.standings if each.remaining == 0)

    def fields(self) -> dict[str, str]:
        """RateLimit and RateLimit-Policy, as lists of structured fields (the draft's sections 3 and 4)."""
        return {
            "RateLimit-Policy": ", ".join(f'"{limit.name}";q={limit.quota};w={limit.window_seconds}' for limit, *_ in self.standings),
            "RateLimit": ", ".join(f'"{limit.name}";r={left};t={math.ceil(reset)}' for limit, left, reset in self.standings),
        }

    @property
    def _tightest(self) -> Standing:
        return min(self.standings, key=lambda each: (each.remaining, -each.reset_seconds))
