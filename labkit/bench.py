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
class Measured:
    """What a piece of work may return when it is not its own duration that is compared.

    seconds  what is: the longest wait of many, for instance
    figures  what it counted beside, by name: columns of their own
    """

    seconds: float
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """What is compared.

    question    what the ratios answer
    baseline    the contender that has the ratio 1
    contenders  prepares everything, and yields the ways to do it, by label: each call of one is one piece of work. In the place of
                a way that cannot be measured here stands why not, in words
    """

    question: str
    baseline: str
    contenders: Callable[[], AbstractContextManager[Mapping[str, Work | str]]]
    rounds: int = 9
    round_seconds: float = 0.5


@dataclass(frozen=True)
class Row:
    """How fast one way was: the median, lowest and highest ratio of all rounds, and what it counted."""

    label: str
    ratio: float
    lowest: float
    highest: float
    figures: dict[str, float] = field(default_factory=dict)  # medians


def measure(benchmark: Benchmark, *, on_round: Callable[[int], None] = lambda number: None) -> dict[str, Any]:
    """One entry of `lab/bench.json`."""
    with benchmark.contenders() as named:
        contenders = {label: work for label, work in named.items() if not isinstance(work, str)}
        not_measured = {label: why for label, why in named.items() if isinstance(why, str)}
        for work in contenders.values():
            work()  # caches, connections and imports are no part of the question
        rates: dict[str, list[float]] = {label: [] for label in contenders}
        figures: dict[str, list[Mapping[str, float]]] = {label: [] for label in contenders}
        for number in range(benchmark.rounds):
            on_round(number)
            for label in in_turn(list(contenders), number):
                rates[label].append(rate(contenders[label], benchmark.round_seconds, figures[label]))
    rows = []
    for label, found in rates.items():
        ratios = [mine / theirs for mine, theirs in zip(found, rates[benchmark.baseline], strict=True)]
        counted = {name: statistics.median(each[name] for each in figures[label]) for name in (figures[label] or [{}])[0]}
        rows.append(Row(label, round(statistics.median(ratios), 2), round(min(ratios), 2), round(max(ratios), 2), counted))
    return {
        "question": benchmark.question,
        "baseline": benchmark.baseline,
        "rounds": benchmark.rounds,
        "rows": [asdict(row) for row in rows],
        "not_measured": not_measured,
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }


def in_turn(labels: list[str], number: int) -> Iterator[str]:
    """Another one begins each round: what a neighbour leaves behind (a warm cache, a busy disk) meets each of them."""
    first = number % len(labels)
    yield from labels[first:] + labels[:first]


def rate(work: Work, seconds: float, figures: list[Mapping[str, float]]) -> float:
    """Pieces of work in a second, counted over about `seconds`; what the work has counted itself is put to `figures`."""
    done, measured = 0, 0.0
    begun = time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        found = work()
        done += 1
        if isinstance(found, Measured):
            measured += found.seconds
            figures.append(found.figures)
    return done / (measured or passed)


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of `lab/bench.json` by name; empty when there are none yet."""
    return json.loads(path.read_text()) if path.exists() else {}


def markdown(entry: Mapping[str, Any]) -> str:
    """A table: one row per variant, with its speed relative to the baseline's."""
    measured = f"the median and the range of {entry['rounds']} alternating rounds"
    lines = [f"{entry['question']} Speed relative to *{entry['baseline']}*: {measured}."]
    names = list(dict.fromkeys(name for row in entry["rows"] for name in row.get("figures", {})))
    columns = ["speed", "range", *names]
    lines += ["", f"| | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for row in entry["rows"]:
        cells = [f"{row['ratio']:.2f}", f"{row['lowest']:.2f} – {row['highest']:.2f}"]
        cells += [f"{row['figures'][name]:g}" if name in row.get("figures", {}) else "" for name in names]
        lines.append(f"| {row['label']} | {' | '.join(cells)} |")
    others = [row for row in entry["rows"] if row["label"] != entry["baseline"]]
    if same := [row["label"] for row in others if includes_one(row)]:
        lines += ["", f"The range includes 1, so no difference in speed was found: {'; '.join(same)}."]
    lines += [f"\n{label}: {why}" for label, why in entry.get("not_measured", {}).items()]
    return "\n".join(lines)


def includes_one(row: Mapping[str, Any]) -> bool:
    """The rounds do not agree on which of the two is faster."""
    return bool(row["lowest"] <= 1 <= row["highest"])
