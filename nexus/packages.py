"""Installs the servers' Debian packages, when make is run by root; otherwise says the one command that does."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

console = Console(highlight=False)
POLICY = Path("/usr/sbin/policy-rc.d")


def install(names: list[str]) -> bool:
    """True when all of them are installed now. Asks nobody: root, apt-get and INSTALL=1 are the permission."""
    if not names:
        return False
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if os.geteuid() != 0 or os.environ.get("INSTALL") != "1" or shutil.which("apt-get") is None:
        console.print(f"not installed: {', '.join(names)}. As root: {command}", soft_wrap=True)
        return False
    with console.status(f"installing {', '.join(names)}"), services_stay_off():
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(["apt-get", "--quiet=2", *words], env=environment, capture_output=True, text=True)
            if done.returncode and words != ["update"]:
                console.print(f"{command} failed: {last_error(done.stderr)}", soft_wrap=True)
                return False
    console.print(f"installed {', '.join(names)}")
    return True


def last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("E:")]
    return lines[0] if lines else "it did not say why"


@contextlib.contextmanager
def services_stay_off() -> Iterator[None]:
    """Debian starts a server when its package is installed; this is how one asks it not to (invoke-rc.d(8))."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
