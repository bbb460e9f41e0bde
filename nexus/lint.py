"""Every check that needs no server: format, lint, types, Dockerfile, compose file, workflows, shell."""

import os
import subprocess
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT
from nexus.demos import demos

BIN = ROOT / ".venv/bin"
console = Console(highlight=False)


def checks() -> list[tuple[str, list[str], Path]]:
    """Each check: its name, its command, the folder it runs in."""
    found = [
        ("format", ["ruff", "format", "--check", "."], ROOT),
        ("lint", ["ruff", "check", "."], ROOT),
        ("Dockerfile", ["hadolint", "Dockerfile"], ROOT),
        ("compose", ["compose-lint", "docker-compose.yml"], ROOT),
        ("workflows", ["zizmor", "--offline", "--quiet", ".github"], ROOT),
        ("types: labkit, nexus", ["mypy", "--config-file", "../pyproject.toml", "../labkit", "../nexus"], demos()[0]),
    ]
    # mypy sees one `config` and one `patterns` a run: the demos' packages have the same names
    found += [(f"types: {demo.name}", ["mypy", "--config-file", "../pyproject.toml", "."], demo) for demo in [*demos(), ROOT / "portal"]]
    return found


def run() -> int:
    failed = []
    for name, command, folder in checks():
        # mypy's plugin reads the demo's settings
        environment = {**os.environ, "DEBUG": "1", "MYPYPATH": ".", "PYTHONPATH": f".{os.pathsep}{ROOT}"}
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True)
        console.print(f"{'ok' if done.returncode == 0 else 'FAILED':8}{name}")
        if done.returncode:
            failed.append(name)
            console.print(done.stdout + done.stderr, markup=False, soft_wrap=True)
    console.print(f"{len(checks()) - len(failed)} checks without findings, {len(failed)} with")
    return 1 if failed else 0
