"""One experiment: the same load on a naive version and on the solved one, both counted.

A module `lab/<name>.py` holds one `experiment = Experiment(...)`; the module's name is the experiment's name.
"""

import importlib
import json
import pkgutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


def is_experiment(name: str) -> bool:
    """Of a module in lab/. Benchmarks, `bench*`, import what only the workbench has."""
    return name != "urls" and not name.startswith("bench")


# Counts by name. A value whose name ends in _ms is a time, and is never part of a proof.
Counts = dict[str, int | float]


@dataclass(frozen=True)
class Experiment:
    """What is done, and what must come out.

    challenge   the problem in the words of the person who has it
    solution    what is done about it, in one line, with the pattern's name
    load        what both sides are put under
    naive       runs what people really write, and returns its counts
    solved      runs the solution under the same load, and returns its counts
    breaks      True when the naive counts show the failure; a naive side that passes proves nothing
    holds       True when the solved counts are what was promised
    proof       the counts to show as "naive → solved", by name
    code        the file that holds the solution, from the demo's folder
    """

    challenge: str
    solution: str
    load: str
    naive: Callable[[], Counts]
    solved: Callable[[], Counts]
    breaks: Callable[[Counts], bool]
    holds: Callable[[Counts], bool]
    proof: tuple[str, ...]
    code: str

    @property
    def name(self) -> str:
        return self.naive.__module__.rpartition(".")[2]


@dataclass(frozen=True)
class Result:
    """What one run counted; the shape of an entry of `lab/results.json`."""

    name: str
    demo: str
    challenge: str
    solution: str
    load: str
    naive: Counts
    solved: Counts
    proof: str
    holds: bool
    seconds: float
    code: str


def measure(experiment: Experiment, *, demo: str, on_stage: Callable[[str], None] = lambda stage: None) -> Result:
    """Runs both sides, naive first. `on_stage` is told "naive" and "solved" as each begins."""
    started = time.perf_counter()
    on_stage("naive")
    naive = experiment.naive()
    on_stage("solved")
    solved = experiment.solved()
    return Result(
        name=experiment.name,
        demo=demo,
        challenge=experiment.challenge,
        solution=experiment.solution,
        load=experiment.load,
        naive=naive,
        solved=solved,
        proof=", ".join(f"{name.replace('_', ' ')}: {naive[name]} → {solved[name]}" for name in experiment.proof),
        holds=experiment.breaks(naive) and experiment.holds(solved),
        seconds=round(time.perf_counter() - started, 1),
        code=experiment.code,
    )


def discover(package: str = "lab") -> dict[str, Experiment]:
    """Every experiment of the demo whose folder we are in, by name."""
    folder = importlib.import_module(package)
    names = [module.name for module in pkgutil.iter_modules(folder.__path__) if is_experiment(module.name)]
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    found = [module.experiment for module in modules if isinstance(getattr(module, "experiment", None), Experiment)]
    return {experiment.name: experiment for experiment in sorted(found, key=lambda each: each.name)}


def load_results(path: Path) -> dict[str, dict[str, Any]]:
    """The results file as a mapping by name; empty when there is none yet."""
    return {entry["name"]: entry for entry in json.loads(path.read_text())} if path.exists() else {}


def save_results(path: Path, results: list[Result]) -> None:
    """Puts the new results beside those of the experiments that did not run. If only its seconds differ, the recorded one stays."""
    entries = load_results(path)
    for result in results:
        recorded = entries.get(result.name, {})
        fresh = asdict(result)
        if fresh | {"seconds": None} != recorded | {"seconds": None}:
            entries[result.name] = fresh
    path.write_text(json.dumps([entries[name] for name in sorted(entries)], indent=2, ensure_ascii=False) + "\n")
