"""Everything is tested, one pytest process a room, against real servers that are started for it and stopped."""

import os
import sys
import time
from pathlib import Path

from rich.console import Console

from nexus.child import call
from nexus.compose import ROOT
from nexus.demos import demos, environment
from nexus.private_set import private_set

NO_TEST_RAN = 5  # pytest's exit code
console = Console(highlight=False)


def run(demo: str | None, only: str | None) -> int:
    """Runs the tests of every room, or of one demo; `only` is pytest's -k. Ends with one summary line, and says which room failed."""
    begun = time.monotonic()
    rooms = demos(demo) if demo else [*demos(), ROOT / "portal", ROOT]
    failed = []
    ran = 0
    with private_set() as urls:
        console.print(f"servers are up ({time.monotonic() - begun:.0f} s)")
        for room in rooms:
            name = "the root" if room == ROOT else room.name
            console.rule(name)
            code = call(command(room, only), cwd=room, env=variables(room, urls))
            ran += code != NO_TEST_RAN
            if code not in (0, *([NO_TEST_RAN] if only else [])):
                failed.append(name)
    seconds = time.monotonic() - begun
    console.print(f"{ran} rooms tested in {seconds:.0f} s, {len(failed)} failed {', '.join(failed)}")
    if not ran:
        console.print(f"no test is called {only}", markup=False)
    return 1 if failed or not ran else 0


def command(room: Path, only: str | None) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    if room == ROOT:
        argv += ["-c", "tests/pytest.ini", "--rootdir", "."]
    if os.environ.get("POSTGRES_URL"):
        argv += ["-m", "not native"]  # servers are given, as in a container: their programs, and Node, may not be here
    return argv + (["-k", only] if only else [])


def variables(room: Path, urls: dict[str, str]) -> dict[str, str]:
    name = "root" if room == ROOT else room.name
    # the root looks at the demos from outside, and has no settings
    return environment(name, urls) | (urls if room == ROOT else {})
