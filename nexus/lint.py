"""Every check that needs no server: format, lint, types, Dockerfile, compose file, workflows, shell, secrets, prose."""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from nexus import secret_scan
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
        # what is run in them is shell too; without a path it is skipped in silence
        ("workflows: sense", ["actionlint", "-shellcheck", str(BIN / "shellcheck")], ROOT),
        ("workflows: safety", ["zizmor", "--offline", "--quiet", ".github"], ROOT),
        ("shell", ["shellcheck", *(str(path.relative_to(ROOT)) for path in shell_scripts())], ROOT),
        ("secrets", secret_scan.command(secret_scan.tracked()), ROOT),
        ("prose", [sys.executable, "-m", "nexus.prose"], ROOT),
        ("types: labkit, nexus", ["mypy", "--config-file", "../pyproject.toml", "../labkit", "../nexus"], demos()[0]),
        ("types: patterns", ["mypy", "patterns"], ROOT),
    ]
    # mypy sees one `config` per run: the demos' packages have the same names
    found += [(f"types: {demo.name}", ["mypy", "--config-file", "../pyproject.toml", "."], demo) for demo in [*demos(), ROOT / "portal"]]
    return found


def shell_scripts() -> list[Path]:
    return [*sorted(ROOT.glob("nexus/*.sh")), *sorted(ROOT.glob("tests/*.sh")), ROOT / ".ci/run"]


def run(only: str | None) -> int:
    """Runs the checks, or those that have `only` in their names."""
    chosen = [check for check in checks() if not only or only in check[0]]
    failed = []
    for name, command, folder in chosen:
        # mypy's plugin reads the demo's settings
        settings = "tests.pattern_settings" if folder == ROOT else "config.settings"
        environment = {
            **os.environ,
            "DEBUG": "1",
            "MYPYPATH": f".{os.pathsep}{ROOT}",
            "PYTHONPATH": f".{os.pathsep}{ROOT}",
            "DJANGO_SETTINGS_MODULE": settings,
        }
        done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=folder, env=environment, capture_output=True, text=True)
        console.print(f"{'ok' if done.returncode == 0 else 'FAILED':8}{name}")
        if done.returncode:
            failed.append(name)
            console.print(done.stdout + done.stderr, markup=False, soft_wrap=True)
    console.print(f"{len(chosen) - len(failed)} checks passed, {len(failed)} failed")
    return 1 if failed or not chosen else 0


def audit() -> int:
    """The pinned packages against the known vulnerabilities. Needs the network.

    `--strict`: a package that could not be looked up is a finding; without it, no answer counts as a clean one.
    """
    argv = ["pip-audit", "--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "-r", "constraints.txt"]
    return subprocess.run([str(BIN / argv[0]), *argv[1:]], cwd=ROOT).returncode
