"""All experiments against real servers: measured and kept (`make lab`), or measured and compared (`make claims`)."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from labkit.experiment import Result, load_results, save_results
from labkit.render import print_table
from nexus import readme
from nexus.child import call
from nexus.compose import ROOT
from nexus.demos import demos, environment
from nexus.private_set import private_set

console = Console(highlight=False)


def run(demo: str | None, only: str | None) -> int:
    """Runs the experiments, prints one table, and keeps what was counted in each demo's lab/results.json."""
    begun = time.monotonic()
    results = measure(demo, only)
    if not results:
        console.print(f"no experiment is called {only}", markup=False)
        return 2
    keep = os.access(ROOT / "rest_demo/lab", os.W_OK)
    if not keep:
        console.print("the results are not kept: this container's files cannot be written")
    for path in demos(demo) if keep else []:
        # a run without proof is shown, and never becomes what a README says
        if fresh := [result for result in results if result["demo"] == path.name and result["holds"]]:
            save_results(path / "lab/results.json", [Result(**result) for result in fresh])
    print_table(results, console)
    broken = [result["name"] for result in results if not result["holds"]]
    console.print(f"{len(results)} experiments in {time.monotonic() - begun:.0f} s, {len(broken)} without proof {' '.join(broken)}")
    return 1 if broken else 0


def measure(demo: str | None, only: str | None = None) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    with console.status("starting PostgreSQL, Redis, RabbitMQ and memcached"), private_set() as urls:
        console.print("servers are up")
        for path in demos(demo):
            if only and not (path / "lab" / f"{only}.py").exists():
                continue
            results += measure_demo(path, urls, only)
    return results


def measure_demo(path: Path, urls: Mapping[str, str], only: str | None) -> list[dict[str, Any]]:
    """Runs a demo's experiments in a process of their own. Raises RuntimeError when that fails."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        argv = [sys.executable, "-m", "labkit", "run", *([only] if only else []), "--output", str(output)]
        code = call(argv, cwd=path, env=environment(path.name, urls))
        if not output.exists():
            raise RuntimeError(f"the lab of {path.name} ended with exit code {code} and no results")
        return list(json.loads(output.read_text()))


def bench(demo: str | None, only: str | None) -> int:
    """Runs the benchmarks of each demo that has some, and keeps the ratios in its lab/bench.json."""
    rooms = [path for path in demos(demo) if (path / "lab/bench.py").exists()]
    if not rooms:
        console.print(f"{demo} has no benchmarks")
        return 2
    with private_set() as urls:
        return max(
            call([sys.executable, "-m", "labkit", "bench", *([only] if only else [])], cwd=path, env=environment(path.name, urls))
            for path in rooms
        )


def claims(demo: str | None) -> int:
    """0 when every README says what its results say, and a fresh measurement bears the results out."""
    problems = readme.differences()
    fresh = measure(demo)
    for result in fresh:
        recorded = load_results(next(path for path in demos() if path.name == result["demo"]) / "lab/results.json")
        problems += contradictions(result, recorded.get(result["name"]))
    print_table(fresh, console)
    for problem in problems:
        console.print(f"claim broken: {problem}", markup=False, soft_wrap=True)
    console.print(f"{len(fresh)} experiments measured anew, {len(problems)} claims broken")
    return 1 if problems else 0


def contradictions(fresh: Mapping[str, Any], recorded: Mapping[str, Any] | None) -> list[str]:
    """What a fresh result says against the recorded one. The naive side's counts are a matter of luck; that it breaks is not."""
    name = f"{fresh['demo']}/{fresh['name']}"
    if recorded is None:
        return [f"{name} has no recorded result: make lab, then make readme"]
    problems = [] if fresh["holds"] else [f"{name} does not hold: {fresh['proof']}"]
    for key in ("challenge", "solution", "load", "code"):
        if fresh[key] != recorded[key]:
            problems.append(f"{name}: its {key} has changed since it was recorded: make lab, then make readme")
    counted, claimed = ({key: value for key, value in each["solved"].items() if not key.endswith("_ms")} for each in (fresh, recorded))
    if counted != claimed:
        problems.append(f"{name}: the solved side counted {counted}, recorded is {claimed}")
    return problems
