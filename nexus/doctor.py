"""`make doctor`: finds problems before they happen, and says how to fix them."""

import os
import shutil
import sys
from pathlib import Path

import psutil
from rich.console import Console

from nexus import supervision
from nexus.compose import ROOT
from nexus.native import RUN, Plan, make_plan, names_of
from nexus.private_set import port_is_free

WANTED_DISK_MB = 1000
SERVICES_MEMORY_MB = 1500  # all services, after an experiment: tests/test_lifecycle.py holds it
WANTED_MEMORY_MB = 2000
console = Console(highlight=False)


class Problem(Exception):
    """What is wrong and how to fix it, in one line for the user."""


def refuse_problems(plan: Plan) -> None:
    """Raises Problem for the first thing that would make `make up` fail."""
    for problem in fatal(plan):
        raise Problem(problem)


def fatal(plan: Plan) -> list[str]:
    return [*disk(), *taken_ports(plan), *stale_password(plan)]


def disk() -> list[str]:
    try:
        RUN.mkdir(exist_ok=True)
        probe = RUN / "probe"
        probe.write_bytes(b"x" * 65536)
        probe.unlink()
    except OSError as error:
        return [f"cannot write in {RUN}: {error.strerror}. Free some space, or move the checkout to a writable disk"]
    free = shutil.disk_usage(RUN).free // 1_000_000
    return [f"{free} MB are free on the disk of {RUN}; {WANTED_DISK_MB} are needed. Free some space"] if free < WANTED_DISK_MB else []


def taken_ports(plan: Plan) -> list[str]:
    ours = make_plan(supervision.running()).ports() if supervision.states() else {}
    taken = {port: name for port, name in sorted(plan.ports().items()) if port not in ours and not port_is_free(port)}
    if not taken:
        return []
    listed = ", ".join(f"{port} ({name})" for port, name in taken.items())
    return [f"used by another program: port {listed}. Stop it, or choose other ports: make up PORT_BASE={free_base(plan)}"]


def free_base(plan: Plan) -> int:
    ours = int(os.environ["PORT_BASE"])
    return next(base for base in range(9000, 65000, 100) if all(port_is_free(port - ours + base) for port in plan.ports()))


def stale_password(plan: Plan) -> list[str]:
    """The data was made with the password of an .env that is gone."""
    kept = plan.site.directory / "password"
    if kept.exists() and kept.read_text() != supervision.password():
        return ["SERVICE_PASSWORD differs from the one that created the data in .run/. Restore it in .env, or delete the data: make reset"]
    return []


def remember_password(plan: Plan) -> None:
    kept = plan.site.directory / "password"
    kept.touch(mode=0o600)
    kept.write_text(supervision.password())


def advice(plan: Plan) -> list[str]:
    """What will not stop `make up`, and is worth knowing."""
    found = []
    memory = psutil.virtual_memory().available // 1_000_000
    if memory < WANTED_MEMORY_MB:
        found.append(f"{memory} MB of memory are available; all services need {SERVICES_MEMORY_MB}: make up DEMO=rest_demo starts one demo")
    for server in plan.missing:
        found.append(f"{server.name} is not installed: apt-get install {server.package}; make up installs it when root runs it")
    for name in os.environ.get("OVERRIDDEN", "").split():
        found.append(f"{name} in your shell ({os.environ[name]}) overrides the one in .env: unset {name}, or remove it from .env")
    if Path(".env").exists():
        known, present = variables(ROOT / ".env.example"), variables(ROOT / ".env")
        if absent := sorted(known - present):
            found.append(f".env is older than .env.example and lacks {', '.join(absent)}: their defaults apply")
    return found


def variables(path: Path) -> set[str]:
    return {line.partition("=")[0] for line in path.read_text().splitlines() if line[:1].isupper() and "=" in line}


def doctor(profile: str) -> int:
    console.print(f"python    {sys.version.split()[0]}")
    if not Path(".env").exists():
        console.print("env       there is no .env yet; make up creates it")
        return 0
    plan = make_plan(names_of(profile))
    for problem in (problems := fatal(plan)):
        console.print(f"problem   {problem}", soft_wrap=True)
    for hint in (hints := advice(plan)):
        console.print(f"advice    {hint}", soft_wrap=True)
    if not problems and not hints:
        console.print("no problems found")
    return 1 if problems else 0
