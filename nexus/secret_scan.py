"""Keys and tokens that were committed, found by their shape: in the files as they are, or in every line that was ever added.

The detectors that guess (by entropy, by a variable's name) are left out: they find the tests' passwords, and a check
that cries every day is switched off. Python's passwords are ruff's business (S105 to S107).
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT

GUESSES = ("Base64HighEntropyString", "BasicAuthDetector", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector")
LOCK_FILES = {"constraints.txt", "package-lock.json"}  # thousands of hashes, and nothing else
console = Console(highlight=False)


def command(files: list[str]) -> list[str]:
    """Exit code 1 where a file holds what looks like a key; a line that only looks so says `pragma: allowlist secret`."""
    disabled = [word for name in GUESSES for word in ("--disable-plugin", name)]
    return ["detect-secrets-hook", *disabled, *files]


def tracked() -> list[str]:
    """What git knows, or would know after `git add`; every file where there is no git."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    names = found.stdout.splitlines() if found.returncode == 0 else [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    return [name for name in names if Path(name).name not in LOCK_FILES and (ROOT / name).is_file()]


def run() -> int:
    """`make secrets`: the whole history. What was committed and removed again is still there for all who clone."""
    program = str(Path(sys.executable).with_name("detect-secrets-hook"))
    shown = subprocess.run(
        ["git", "log", "--all", "--patch", "--unified=0", "--no-color", "--", ".", *(f":!*{name}" for name in sorted(LOCK_FILES))],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=True,
    ).stdout  # fmt: skip
    added = [line for line in shown.splitlines() if line.startswith(("+", "commit "))]
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history.txt"
        history.write_text("\n".join(added))
        done = subprocess.run([program, *command([str(history)])[1:]], capture_output=True, text=True)
    commits = sum(line.startswith("commit ") for line in added)
    console.print(
        done.stdout + done.stderr if done.returncode else f"{commits} commits, no key in a line that one of them added", markup=False
    )
    return 1 if done.returncode else 0


if __name__ == "__main__":  # for pre-commit's hook, with the files that are committed
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, str(Path(sys.executable).with_name("detect-secrets-hook")), *command(sys.argv[1:])[1:]])  # noqa: S606
