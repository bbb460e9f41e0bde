"""Times the README's two commands in a fresh clone, without Docker: `.venv/bin/python -m nexus.stopwatch`. Keeps docs/timings.json."""

import json
import os
import platform
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT

FILE = ROOT / "docs/timings.json"
PORT_BASE = "9600"
console = Console(highlight=False)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="stopwatch-") as folder:
        clone = Path(folder, "nexus")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        up = seconds(clone, "up")
        disk_mb = (
            sum(path.lstat().st_blocks * 512 for place in (clone, (clone / ".run/data").resolve()) for path in place.rglob("*"))
            // 1_000_000
        )
        again = seconds(clone, "up")
        seconds(clone, "down")
        test = seconds(clone, "test")
    found = {"up": up, "up_again": again, "test": test, "disk_mb": disk_mb}
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    FILE.write_text(json.dumps({**found, "machine": machine, "at": f"{datetime.now(UTC):%Y-%m}"}, indent=2) + "\n")
    console.print(f"{FILE.relative_to(ROOT)}: {found}")


def seconds(clone: Path, target: str) -> int:
    """How long one command took. Raises CalledProcessError when it fails."""
    begun = time.monotonic()
    variables = {"RUNTIME": "native", "PORT_BASE": PORT_BASE}
    subprocess.run(["make", "--silent", target], cwd=clone, env={**os.environ, **variables}, check=True)
    return round(time.monotonic() - begun)


if __name__ == "__main__":
    main()
