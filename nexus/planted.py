"""Plants one fault at a time in a copy of this repository, and shows which make target turns red. A check that stays green is no check.

Each command is run on the copy as it is first, and has to be green: what is always red proves nothing either.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

from nexus.compose import ROOT
from nexus.faults import FAULTS, Fault
from nexus.private_set import private_set

RECORD = ROOT / "docs/planted.json"
TIMEOUT_SECONDS = 180
IDENTITY = {"GIT_AUTHOR_NAME": "planted", "GIT_AUTHOR_EMAIL": "planted@localhost", "GIT_CONFIG_GLOBAL": "/dev/null"}
COMMITTER = {name.replace("AUTHOR", "COMMITTER"): value for name, value in IDENTITY.items() if "AUTHOR" in name}
console = Console(highlight=False)


def run(only: str | None) -> int:
    """0 when every fault is caught. Keeps the result, from which docs/ci-cd.md is rendered."""
    begun = time.monotonic()
    faults = [fault for fault in FAULTS if only in (None, fault.name)]
    if not faults:
        console.print(f"there is no fault named {only}; the faults are {', '.join(fault.name for fault in FAULTS)}")
        return 2
    # a room's tests have one database: they stay in one lane
    lanes = [[fault for fault in faults if (fault.variables.get("DEMO") == "rest_demo") is first] for first in (True, False)]
    with tempfile.TemporaryDirectory(prefix="nexus-planted-") as folder, private_set() as urls, Progress(console=console) as progress:
        environment = {**os.environ, **IDENTITY, **COMMITTER, **urls, "RUNTIME": "native", "CI": "true", "COLUMNS": "160"}
        task = progress.add_task("planting", total=len(faults) + sum(len(unplanted(lane)) for lane in lanes))
        with ThreadPoolExecutor(len(lanes)) as pool:
            work = [
                pool.submit(run_lane, Path(folder) / str(number), lane, environment, progress, task) for number, lane in enumerate(lanes)
            ]
            missed = [fault for each in work for fault in each.result()]
    if not only and not missed:
        RECORD.write_text(json.dumps([entry(fault) for fault in faults], indent=2, ensure_ascii=False) + "\n")
    console.print(
        f"{len(faults)} faults planted in {time.monotonic() - begun:.0f} s, {len(faults) - len(missed)} caught, {len(missed)} missed"
    )
    return 1 if missed else 0


def run_lane(folder: Path, faults: list[Fault], environment: Mapping[str, str], progress: Progress, task: TaskID) -> list[Fault]:
    """Plants one after the other, in a copy of its own. Returns those that were missed."""
    copy = copied(folder / "nexus")
    for target, variables in unplanted(faults):
        if printed := red(copy, target, variables, environment):
            raise RuntimeError(f"make {target} {variables} fails without a fault, so it proves nothing:\n{printed}")
        progress.advance(task)
    missed = []
    for fault in faults:
        if not is_caught(copy, fault, environment):
            missed.append(fault)
        progress.advance(task)
    return missed


def unplanted(faults: list[Fault]) -> list[tuple[str, dict[str, str]]]:
    """The commands, those of one room's tests in one."""
    found: list[tuple[str, dict[str, str]]] = []
    expressions: dict[tuple[str, str | None], list[str]] = {}
    for fault in faults:
        if fault.target in ("test", "shape"):  # whose ONLY is pytest's -k
            expressions.setdefault((fault.target, fault.variables.get("DEMO")), []).append(f"({fault.variables['ONLY']})")
        elif (fault.target, fault.variables) not in found:
            found.append((fault.target, fault.variables))
    for (target, demo), several in expressions.items():
        found.append((target, ({"DEMO": demo} if demo else {}) | {"ONLY": " or ".join(several)}))
    return found


def copied(to: Path) -> Path:
    """What git would commit, as a repository of its own; the packages are this checkout's."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_bytes((ROOT / name).read_bytes())
            (to / name).chmod((ROOT / name).stat().st_mode)
    (to / ".venv").symlink_to(ROOT / ".venv")
    with (to / ".gitignore").open("a") as ignored:
        ignored.write("/.venv\n")  # "…/" is a folder's, and this is a link
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "feat: the copy"]):
        git(to, *words)
    git(to, "commit", "--quiet", "--allow-empty", "--message", "feat: nothing yet")
    return to


def is_caught(copy: Path, fault: Fault, environment: Mapping[str, str]) -> bool:
    plant(copy, fault)
    try:
        printed = red(copy, fault.target, fault.variables, environment)
    finally:
        git(copy, "reset", "--quiet", "--hard", "HEAD~1" if fault.target == "commits" else "HEAD")
        git(copy, "clean", "--quiet", "-d", "--force")
    found = fault.says in printed
    console.print(f"{'red' if found else 'MISSED':8}{fault.name:20}{fault.command}", soft_wrap=True)
    if not found:
        console.print(printed[-3000:] or "it passed", markup=False, soft_wrap=True)
    return found


def plant(copy: Path, fault: Fault) -> None:
    if fault.target == "commits":
        git(copy, "commit", "--quiet", "--allow-empty", "--message", fault.new)
        return
    path = copy / fault.file
    text = path.read_text() if path.exists() else ""
    if fault.old and fault.old not in text:
        raise RuntimeError(f"{fault.name} cannot be planted: {fault.file} no longer holds {fault.old!r}")
    path.write_text(text.replace(fault.old, fault.new, 1) if fault.old else text + fault.new)


def red(copy: Path, target: str, variables: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """What the command prints when it fails; nothing when it is green."""
    argv = ["make", "--silent", target, *(f"{name}={value}" for name, value in variables.items())]
    done = subprocess.run(argv, cwd=copy, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    return done.stdout + done.stderr or "(no output)" if done.returncode else ""


def git(copy: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=copy, env={**os.environ, **IDENTITY, **COMMITTER}, check=True, capture_output=True)


def entry(fault: Fault) -> dict[str, Any]:
    return {"name": fault.name, "said": fault.said, "file": fault.file, "command": fault.command, "says": fault.says}


def table(up: str) -> str:
    """The recorded faults, as a table for a page that lies `up` from the root."""
    lines = ["| fault | the excuse | file | command that turns red | message |", "| --- | --- | --- | --- | --- |"]
    for found in json.loads(RECORD.read_text()):
        file = f"[{found['file']}]({up}/{found['file']})" if (ROOT / found["file"]).exists() else f"`{found['file']}`"
        lines.append(
            f"| `{found['name']}` | {found['said'].replace('|', chr(92) + '|')} | {file} | `{found['command']}` | `{found['says']}` |"
        )
    return "\n" + "\n".join(lines) + "\n"
