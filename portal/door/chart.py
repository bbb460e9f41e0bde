"""Counts as pairs of bars: the naive side beside the solved one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

# A bar for 1 beside one for 50,000 would be thinner than a pixel, and look like none.
THINNEST_PERCENT = 1.5


@dataclass(frozen=True)
class Bar:
    """`percent` is the bar's share of its pair's longer one, as text for SVG; `text` is the number for people."""

    side: str
    text: str
    percent: str


@dataclass(frozen=True)
class Pair:
    """One count on both sides. Each pair has a scale of its own: requests and milliseconds have none in common."""

    label: str
    bars: tuple[Bar, Bar]

    @property
    def title(self) -> str:
        return f"{self.label}: " + ", ".join(f"{bar.side} {bar.text}" for bar in self.bars)

    @property
    def is_equal(self) -> bool:
        """Neither side is better: its bars get no colour."""
        naive, solved = self.bars
        return naive.text == solved.text


def pairs(naive: Mapping[str, float], solved: Mapping[str, float]) -> tuple[Pair, ...]:
    """A pair for each count that either side has, in the order of the experiment. Raises ValueError on what is no number."""
    return tuple(_pair(name, naive.get(name), solved.get(name)) for name in {**naive, **solved})


def _pair(name: str, naive: float | None, solved: float | None) -> Pair:
    longest = max(abs(value) for value in (naive or 0, solved or 0))
    return Pair(_label(name), (_bar("naive", naive, longest), _bar("solved", solved, longest)))


def _bar(side: str, value: float | None, longest: float) -> Bar:
    if value is None:
        return Bar(side, "–", "0")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"not a count: {value!r}")
    return Bar(side, f"{value:,}", f"{max(abs(value) / longest * 100, THINNEST_PERCENT):.1f}" if value else "0")


def _label(name: str) -> str:
    """`distinct_bodies` is "distinct bodies", `slowest_ms` is "slowest (ms)"."""
    return f"{name[:-3].replace('_', ' ')} (ms)" if name.endswith("_ms") else name.replace("_", " ")
