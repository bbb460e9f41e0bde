"""All experiments against real servers: measured and kept (`make lab`), or measured and compared (`make claims`)."""

import contextlib
import difflib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from labkit.experiment import Result, is_experiment, load_results, save_results
from labkit.render import print_counts, print_table
from nexus import readme
from nexus.child import Job, call, side_by_side
from nexus.compose import ROOT
from nexus.demos import demos, environment
from nexus.private_set import private_set

LANES = 2  # an experiment waits about as long as it computes
console = Console(highlight=False)


def run(demo: str | None, only: str | None) -> int:
    """Runs the experiments, prints one table, and keeps what was counted in each demo's lab/results.json."""
    begun = time.monotonic()
    if only and (said := unknown(demo, only)):
        console.print(said, markup=False)
        return 2
    results = measure(demo, only)
    keep = os.access(ROOT / "rest_demo/lab", os.W_OK)
    if not keep:
        console.print("the results are not saved: this container's files are read-only")
    for path in demos(demo) if keep else []:
        # a run without proof is shown, and never becomes what a README says
        if fresh := [result for result in results if result["demo"] == path.name and result["holds"]]:
            save_results(path / "lab/results.json", [Result(**result) for result in fresh])
    print_table(results, console)
    if only:
        print_counts(results[0], console)
    broken = [result["name"] for result in results if not result["holds"]]
    if broken and keep:
        console.print("a run whose proof does not hold is not saved")
    console.print(f"{len(results)} experiments in {time.monotonic() - begun:.0f} s, {len(broken)} do not hold {' '.join(broken)}")
    return 1 if broken else 0


def unknown(demo: str | None, only: str) -> str:
    """Empty when there is such an experiment; otherwise what to say, before any server starts."""
    names = sorted(path.stem for folder in demos(demo) for path in (folder / "lab").glob("[a-z]*.py") if is_experiment(path.stem))
    if only in names:
        return ""
    near = difflib.get_close_matches(only, names, n=1)
    return f"there is no experiment named {only}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}")


def measure(demo: str | None, only: str | None = None) -> list[dict[str, Any]]:
    """What the experiments counted, two demos at a time, in the order of the demos. Raises RuntimeError when one comes to nothing."""
    rooms = [path for path in demos(demo) if not only or (path / "lab" / f"{only}.py").exists()]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        with console.status("starting PostgreSQL, Redis, RabbitMQ and memcached"):
            urls = stack.enter_context(private_set())
        console.print("servers are up")
        # two progress lines on one terminal would overwrite each other: each experiment prints its own when it has ended
        plain = {"TERM": "dumb"} if len(rooms) > 1 else {"TERM": os.environ.get("TERM", "dumb")}
        argv = [sys.executable, "-m", "labkit", "run", *([only] if only else []), "--output"]
        jobs = [Job(path.name, [*argv, f"{folder}/{path.name}"], path, environment(path.name, urls) | plain) for path in rooms]
        for job, code, _ in side_by_side(sorted(jobs, key=longest_first), LANES, captured=False):
            if not Path(folder, job.name).exists():
                raise RuntimeError(f"the lab of {job.name} ended with exit code {code} and without results")
        return [result for path in rooms for result in json.loads(Path(folder, path.name).read_text())]


def longest_first(job: Job) -> float:
    """By what its experiments took when they were recorded: the last to end shall not be the longest."""
    return -sum(result["seconds"] for result in load_results(job.cwd / "lab/results.json").values())


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


def claims(demo: str | None, only: str | None) -> int:
    """0 when every README says what its results say, and a fresh measurement bears the results out."""
    if only and (said := unknown(demo, only)):
        console.print(said, markup=False)
        return 2
    problems = readme.differences()
    fresh = measure(demo, only)
    for result in fresh:
        recorded = load_results(next(path for path in demos() if path.name == result["demo"]) / "lab/results.json")
        problems += contradictions(result, recorded.get(result["name"]))
    print_table(fresh, console)
    for problem in problems:
        console.print(f"claim broken: {problem}", markup=False, soft_wrap=True)
    console.print(f"{len(fresh)} experiments measured again, {len(problems)} claims broken")
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
