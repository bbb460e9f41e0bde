"""Everything is tested, one pytest process a room, against real servers that are started for it and stopped."""

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT
from nexus.demos import demos, environment
from nexus.private_set import private_set

console = Console(highlight=False)


def run(demo: str | None, only: str | None) -> int:
    """Runs the tests of every room, or of one demo; `only` is pytest's -k. Ends with one summary line, and says which room failed."""
    begun = time.monotonic()
    rooms = demos(demo) if demo else [*demos(), ROOT / "portal", ROOT]
    failed = []
    with private_set() as urls:
        console.print(f"servers are up ({time.monotonic() - begun:.0f} s)")
        for room in rooms:
            name = "the root" if room == ROOT else room.name
            console.rule(name)
            if subprocess.run(command(room, only), cwd=room, env=variables(room, urls)).returncode not in (0, *([5] if only else [])):
                failed.append(name)
    seconds = time.monotonic() - begun
    console.print(f"{len(rooms) - len(failed)} passed, {len(failed)} failed", markup=False)
    console.print(f"rooms: {len(rooms)}, {seconds:.0f} s{', failed: ' + ', '.join(failed) if failed else ''}")
    return 1 if failed else 0


def command(room: Path, only: str | None) -> list[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    if room == ROOT:
        argv += ["-c", "tests/pytest.ini", "--rootdir", "."]
        if os.environ.get("POSTGRES_URL"):
            argv += ["-m", "not native"]  # servers are given: their programs, which the native runtime needs, may not be here
    return argv + (["-k", only] if only else [])


def variables(room: Path, urls: dict[str, str]) -> dict[str, str]:
    name = "root" if room == ROOT else room.name
    # the root looks at the demos from outside, and has no settings
    return environment(name, urls) | (urls if room == ROOT else {})
