"""Debian packages: what an action starts or calls is installed when make is run by root.

Otherwise the one command that installs them is printed.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT
from nexus.servers import SERVERS, find_program

console = Console(highlight=False)
POLICY = Path("/usr/sbin/policy-rc.d")
LOCK = ROOT / ".make.lock"  # door.sh makes it
# program → Debian package: what the tests and the handbook's commands call
TOOLS = {"curl": "curl", "jq": "jq", "nginx": "nginx-light"}
# actions that start private servers, and those of them that call the tools
START_SERVERS = {
    "test", "nightly", "lab", "bench", "claims", "chaos", "contract", "docs", "planted"
}  # fmt: skip
CALL_TOOLS = {"test", "nightly", "docs", "planted"}
MEASURE_NGINX = {"lab", "bench", "claims"}


def set_up(action: str) -> bool:
    """Installs what the action needs. False when something is still missing: it was named."""
    if not (names := missing(action)):
        return True
    return install(names) and not missing(action)


def missing(action: str) -> list[str]:
    """The packages that the action needs and that are not here."""
    named = {server.name for server in SERVERS.values() if os.environ.get(server.url_name)}
    names: list[str] = []
    if action == "docs" and os.environ.get("ONLY") == "build":  # the site alone is built without servers
        return names
    if action in START_SERVERS:
        names += [each.package for each in SERVERS.values() if each.name not in named and each.missing()]
    if action in CALL_TOOLS and not named:  # tests that get their servers leave out those that call programs
        names += [package for program, package in TOOLS.items() if not find_program(program)]
    if action in MEASURE_NGINX and not find_program("nginx"):
        names.append(TOOLS["nginx"])
    return list(dict.fromkeys(names))  # two servers may come from one package


def release_lock() -> None:
    """Lets the next make begin. Only this process's own lock is removed."""
    with contextlib.suppress(OSError):
        if str(LOCK.readlink()) == str(os.getpid()):
            LOCK.unlink()


def install(names: list[str]) -> bool:
    """True when all of them are installed now. Asks nobody: root, apt-get and INSTALL=1 are the permission."""
    if not names:
        return False
    command = f"apt-get install --no-install-recommends {' '.join(names)}"
    if os.geteuid() != 0 or os.environ.get("INSTALL", "1") != "1" or shutil.which("apt-get") is None:
        console.print(f"not installed: {', '.join(names)}. Run as root: {command}", soft_wrap=True)
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
