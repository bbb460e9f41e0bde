"""Everything is tested, one pytest process per room, some side by side, against real servers that are started for it and stopped.

Tests that are marked `slow`, and the root's PARTS, run with SLOW=1, DEMO or ONLY: processes that are killed, frozen servers, the
whole stack, and each pattern in a blank project instead of at home. CI runs them all.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nexus.child import Job, call, side_by_side
from nexus.compose import ROOT
from nexus.demos import demos, environment
from nexus.private_set import private_set

LANES = 4  # on two cores: the tests of queue_demo and of the root wait for servers and processes more than they compute
LONGEST = ("patterns", "queue_demo", ROOT.name)  # they begin first, and have the processors before all others
PATTERNS = ROOT / "patterns"
# parts of the root's tests that take minutes, and wait more than they compute: each runs beside the others
PARTS = {
    "the stack": ["test_lifecycle.py"],
    "the edge": ["test_native_edge.py"],
    "the drain": ["test_drain.py"],
    "the copies": ["test_copies.py"],
}
NO_TEST_RAN = 5  # pytest's exit code
SHAPE = ["test_shape.py", "test_readme.py", "test_docs.py", "test_compose.py", "test_workflows.py", "test_checks.py"]
console = Console(highlight=False)


def run(demo: str | None, only: str | None, *, slow: bool = False, nightly: bool = False) -> int:
    """Runs the tests of every room, or of one demo; `only` is pytest's -k. Ends with one summary line, and says which room failed.

    Tests marked `nightly` take too long for CI: they run when `nightly` is set, and only they.
    """
    begun = time.monotonic()
    slow = slow or nightly or bool(demo or only)
    marks = chosen(slow, nightly)
    rooms = rooms_of(demo) if demo else sorted([ROOT, *([] if slow else [PATTERNS]), *demos(), ROOT / "portal"], key=niceness)
    failed = []
    ran = 0
    with private_set() as urls:
        console.print(f"servers are up ({time.monotonic() - begun:.0f} s)")
        kept = {name: os.environ[name] for name in os.environ if nightly and is_of_packages(name)}
        jobs = [Job(name_of(room), command(room, only, not demo, marks), folder_of(room), variables(room, urls) | kept) for room in rooms]
        if not demo and not only:
            jobs = [part for job in jobs for part in (parts(job, slow) if job.name == name_of(ROOT) else [job])]
        for name, code in results(jobs):
            ran += code != NO_TEST_RAN
            if code not in (0, *([NO_TEST_RAN] if only or nightly else [])):
                failed.append(name)
    seconds = time.monotonic() - begun
    console.print(f"{ran} parts tested in {seconds:.0f} s, {len(failed)} failed {', '.join(failed)}")
    if not slow:
        console.print("left out the slow tests (faults of whole stacks, copies of patterns); to run them: make test SLOW=1")
    if not ran:
        console.print(f"there is no test named {only}", markup=False)
    return 1 if failed or not ran else 0


def rooms_of(name: str) -> list[Path]:
    """A demo, the portal, the root, or the patterns."""
    beside = {"portal": ROOT / "portal", "root": ROOT, "patterns": PATTERNS}
    return [beside[name]] if name in beside else demos(name)


def edge(only: str | None) -> int:
    """labkit/edge.py against the stack that runs at PORT_BASE."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "tests/pytest.ini", "--rootdir", "."]
    return call([*argv, "labkit/edge.py", *(["-k", only] if only else [])], cwd=ROOT, env=os.environ)


def shape(only: str | None) -> int:
    """The root's tests that read and start nothing: the first that a change should meet."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "tests/pytest.ini", "--rootdir", "."]
    return call(
        [*argv, *(f"tests/{name}" for name in SHAPE), *(["-k", only] if only else [])],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def results(jobs: list[Job]) -> Iterator[tuple[str, int]]:
    """Each room's name and exit code. One room prints as it goes; of several, each prints when it has ended, the failed ones last."""
    if len(jobs) == 1:
        yield jobs[0].name, call(jobs[0].argv, cwd=jobs[0].cwd, env=jobs[0].env)
        return
    console.print(f"testing {', '.join(job.name for job in jobs)}: {LANES} at a time, each printed when it ends")
    broken: list[tuple[str, str]] = []
    with console.status("testing"):
        for job, code, printed in side_by_side(jobs, LANES, captured=True):
            if code in (0, NO_TEST_RAN):
                show(job.name, printed)
            else:
                broken.append((job.name, printed))
                console.print(f"{job.name} failed: see its output at the end")
            yield job.name, code
    for name, printed in broken:
        show(name, printed)


def show(name: str, printed: str) -> None:
    console.rule(name)
    console.print(printed.strip(), markup=False, soft_wrap=True)


def folder_of(room: Path) -> Path:
    """Where its tests start. Not in patterns/: its folder asyncio would hide Python's."""
    return ROOT if room == PATTERNS else room


def parts(job: Job, slow: bool) -> list[Job]:
    """The root's tests as several jobs; without its PARTS when those are not asked for."""
    found = []
    rest = replace(job, argv=[*job.argv, *(f"--ignore=tests/{file}" for files in PARTS.values() for file in files)])
    if not slow:
        return [rest]
    for name, files in PARTS.items():
        argv = [word for each in job.argv for word in ([f"tests/{file}" for file in files] if each == "tests" else [each])]
        if name in ("the stack", "the edge"):  # they hold the services to seconds
            argv = argv[argv.index(sys.executable) :]
        found.append(replace(job, name=name, argv=argv))
    return [*found, rest]


def name_of(room: Path) -> str:
    return "the root" if room == ROOT else room.name


def niceness(room: Path) -> int:
    return 5 * (LONGEST.index(room.name) if room.name in LONGEST else len(LONGEST))


def chosen(slow: bool, nightly: bool) -> str:
    """pytest's -m."""
    marks = "nightly" if nightly else "not nightly" if slow else "not nightly and not slow"
    # servers are given, as in a container: their programs, and Node, may not be here
    return marks + (" and not native" if os.environ.get("POSTGRES_URL") else "")


def command(room: Path, only: str | None, is_one_of_all: bool, marks: str) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=8", "--durations-min=4"]
    argv += ["patterns"] if room == PATTERNS else ["tests"]
    if room == PATTERNS:
        argv += ["-c", "tests/patterns.ini", "--rootdir", "."]
    if room == ROOT:
        argv += ["-c", "tests/pytest.ini", "--rootdir", "."]
    argv = ["nice", "-n", str(niceness(room)), *argv] if is_one_of_all else argv
    argv += ["-m", marks]
    return argv + (["-k", only] if only else [])


def is_of_packages(variable: str) -> bool:
    """Does it say where packages come from? The real set-up, which runs at night, needs it."""
    return variable.startswith(("PIP_", "UV_", "SSL_CERT_")) or variable.lower().endswith("_proxy")


def variables(room: Path, urls: dict[str, str]) -> dict[str, str]:
    # the root looks at the demos from outside, and has no settings
    return environment("root" if room == ROOT else room.name, urls) | (urls if room == ROOT else {}) | {"PATIENCE": "3"}
