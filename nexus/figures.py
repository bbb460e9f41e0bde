"""The numbers on the pages of docs/: what was counted, what was timed, and how many there are of a thing."""

import json
import re
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


def spread(up: str, which: str, *label: str) -> str:
    demo, _, name = which.partition("/")
    rows = benchmarks.load(ROOT / demo / "lab/bench.json")[name]["rows"]
    found = {row["label"]: row for row in rows}[" ".join(label)]
    verdict = ", no difference found" if benchmarks.includes_one(found) else ""
    return f"{found['ratio']:.2f} ({found['lowest']:.2f} to {found['highest']:.2f}{verdict})"


def machine(up: str) -> str:
    """The machines of all benchmarks, in one sentence."""
    recorded = [entry for demo in demos() for entry in benchmarks.load(demo / "lab/bench.json").values()]
    return f"All tables were measured on {' and '.join(sorted({entry['machine'] for entry in recorded}))}."


def counts(up: str, which: str) -> str:
    [result] = results_of(which)
    return f"\n{markdown_counts(result)}\n"


def bench(up: str, which: str) -> str:
    demo, _, name = which.partition("/")
    return f"\n{benchmarks.markdown(benchmarks.load(ROOT / demo / 'lab/bench.json')[name])}\n"


def number(up: str, what: str) -> str:
    """How many there are of a thing; memory, disk and image in MB, as they are checked; what nexus/stopwatch.py has timed."""
    limits = {"memory": doctor.SERVICES_MEMORY_MB, "disk": doctor.WANTED_DISK_MB, "image": image_budget()}
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
    if what in things:
        return str(len(things[what]()))
    return str(json.loads(stopwatch.FILE.read_text())[what])


def image_budget() -> int:
    """The largest image in MB that tests/images.sh accepts."""
    [megabytes] = re.findall(r"^budget=\$\{1:-(\d+)\}", (ROOT / "tests/images.sh").read_text(), re.MULTILINE)
    return int(megabytes)


def experiments() -> list[dict[str, Any]]:
    return [result for demo in demos() for result in results_of(demo.name)]


def all_processes() -> list[compose.Service]:
    keys = ("TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS")
    secrets = (*keys, "SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "COMPOSE_PROJECT_NAME")
    return list(compose.services(dict.fromkeys(secrets, "x")).values())
