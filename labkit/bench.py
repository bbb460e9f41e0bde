"""A benchmark: the same work done in several ways, timed in turn, told as ratios.

A module `lab/bench.py` holds `benchmarks`, a dict by name. A lone time says how fast a machine is; a ratio of two that ran by turns
says which way is faster, and by how much. Nothing is asserted on it: a benchmark is not a timed test.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Work = Callable[[], object]


@dataclass(frozen=True)
class Benchmark:
    """What is compared.

    question    what the ratios answer
    baseline    the contender that has the ratio 1
    contenders  prepares everything, and yields the ways to do it, by label: each call of one is one piece of work
    goals       the least speed, relative to the baseline's, that a contender should reach
    """

    question: str
    baseline: str
    contenders: Callable[[], AbstractContextManager[Mapping[str, Work]]]
    goals: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 9
    round_seconds: float = 0.5


@dataclass(frozen=True)
class Row:
    """How fast one way was: the median, lowest and highest ratio of all rounds, and the goal if there is one."""

    label: str
    ratio: float
    lowest: float
    highest: float
    goal: float | None


def measure(benchmark: Benchmark, *, on_round: Callable[[int], None] = lambda number: None) -> dict[str, Any]:
    """One entry of `lab/bench.json`."""
    with benchmark.contenders() as contenders:
        for work in contenders.values():
            work()  # caches, connections and imports are no part of the question
        rates: dict[str, list[float]] = {label: [] for label in contenders}
        for number in range(benchmark.rounds):
            on_round(number)
            for label in in_turn(list(contenders), number):
                rates[label].append(rate(contenders[label], benchmark.round_seconds))
    rows = []
    for label, found in rates.items():
        ratios = [mine / theirs for mine, theirs in zip(found, rates[benchmark.baseline], strict=True)]
        goal = benchmark.goals.get(label)
        rows.append(Row(label, round(statistics.median(ratios), 2), round(min(ratios), 2), round(max(ratios), 2), goal))
    return {
        "question": benchmark.question,
        "baseline": benchmark.baseline,
        "rounds": benchmark.rounds,
        "rows": [asdict(row) for row in rows],
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }


def in_turn(labels: list[str], number: int) -> Iterator[str]:
    """Another one begins each round: what a neighbour leaves behind (a warm cache, a busy disk) meets each of them."""
    first = number % len(labels)
    yield from labels[first:] + labels[:first]


def rate(work: Work, seconds: float) -> float:
    """Pieces of work in a second, counted over about `seconds`."""
    done = 0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        work()
        done += 1
    return done / passed


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of `lab/bench.json` by name; empty when there are none yet."""
    return json.loads(path.read_text()) if path.exists() else {}


def markdown(entry: Mapping[str, Any]) -> str:
    """A table: a row a way, with its speed relative to the baseline's."""
    lines = [
        f"{entry['question']} Speed relative to *{entry['baseline']}*: the median of {entry['rounds']} rounds by turns, with the range."
    ]
    lines += ["", "| | speed | from – to | goal |", "| --- | ---: | ---: | ---: |"]
    for row in entry["rows"]:
        goal = "" if row["goal"] is None else f"≥ {row['goal']:g} ({'reached' if row['ratio'] >= row['goal'] else 'missed'})"
        lines.append(f"| {row['label']} | {row['ratio']:.2f} | {row['lowest']:.2f} – {row['highest']:.2f} | {goal} |")
    return "\n".join([*lines, "", f"Measured on {entry['machine']}."])
