"""The numbers on the pages of docs/: what was counted, what was timed, and how many there are of a thing."""

import json
from collections.abc import Callable, Sized
from typing import Any

from labkit import bench as benchmarks
from labkit.experiment import load_results
from labkit.render import markdown_counts
from nexus import compose, copying, doctor, stopwatch
from nexus.compose import ROOT
from nexus.demos import demos
from nexus.faults import FAULTS


def results_of(which: str) -> list[dict[str, Any]]:
    """The results of a demo, or the one of demo/experiment."""
    demo, _, name = which.partition("/")
    found = load_results(ROOT / demo / "lab/results.json")
    return [found[name]] if name else list(found.values())


def proof(up: str, which: str) -> str:
    [result] = results_of(which)
    return str(result["proof"])


def figure(up: str, which: str, side: str, count: str) -> str:
    [result] = results_of(which)
    return f"{result[side][count]:,}"


def ratio(up: str, which: str, *label: str) -> str:
    demo, _, name = which.partition("/")
    rows = benchmarks.load(ROOT / demo / "lab/bench.json")[name]["rows"]
    found = {row["label"]: row for row in rows}[" ".join(label)]
    return f"{found['ratio']:.2f}"


def counts(up: str, which: str) -> str:
    [result] = results_of(which)
    return f"\n{markdown_counts(result)}\n"


def bench(up: str, which: str) -> str:
    demo, _, name = which.partition("/")
    return f"\n{benchmarks.markdown(benchmarks.load(ROOT / demo / 'lab/bench.json')[name])}\n"


def number(up: str, what: str) -> str:
    """How many there are of a thing; memory and disk in MB, as tests and `make doctor` hold them; what nexus/stopwatch.py has timed."""
    timings = json.loads(stopwatch.FILE.read_text())
    if what in timings:
        return str(timings[what])
    limits = {"memory": doctor.SERVICES_MEMORY_MB, "disk": doctor.WANTED_DISK_MB}
    if what in limits:
        return f"{limits[what]:,}"
    things: dict[str, Callable[[], Sized]] = {
        "demos": demos,
        "challenges": lambda: [*experiments(), *(ROOT / "docs/challenges").glob("*.md")],
        "experiments": experiments,
        "faults": lambda: FAULTS,
        "patterns": copying.patterns,
        "processes": lambda: [each for each in all_processes() if not each.runs_once],
    }
    return str(len(things[what]()))


def experiments() -> list[dict[str, Any]]:
    return [result for demo in demos() for result in results_of(demo.name)]


def all_processes() -> list[compose.Service]:
    keys = ("TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS")
    secrets = (*keys, "SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "COMPOSE_PROJECT_NAME")
    return list(compose.services(dict.fromkeys(secrets, "x")).values())
