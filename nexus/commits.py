"""Commit messages are conventional (conventionalcommits.org): `make commits BASE=origin/main`, and a hook of pre-commit."""

import subprocess
from pathlib import Path

from conventional_pre_commit.format import ConventionalCommit
from rich.console import Console

from nexus.compose import ROOT

TYPES = ["build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test"]
SUBJECT_LIMIT = 200  # one line of a log that can still be read; reasons go below it
console = Console(highlight=False)


def problem(message: str) -> str | None:
    """What is wrong with a message, in one line; None when nothing is."""
    subject = message.partition("\n")[0]
    if not ConventionalCommit(message, TYPES).is_valid():
        return f"is not `type: subject` or `type(scope): subject` with a type of {', '.join(TYPES)}"
    if len(subject) > SUBJECT_LIMIT:
        return f"has {len(subject)} characters in its first line; {SUBJECT_LIMIT} are the limit"
    return None


def run(base: str) -> int:
    """Every commit since `base`; all there are, where there is no such commit (a first push)."""
    known = base.strip("0") and git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}").returncode == 0
    # a merge's message is written by git
    listed = git("log", "--no-merges", "--format=%h%x00%B%x01", f"{base}..HEAD" if known else "HEAD")
    if listed.returncode:
        raise RuntimeError(listed.stderr.strip())
    entries = [entry.strip().partition("\0") for entry in listed.stdout.split("\1") if entry.strip()]
    found = [(commit, message.partition("\n")[0], what) for commit, _, message in entries if (what := problem(message))]
    for commit, subject, what in found:
        console.print(f'{commit} "{subject}" {what}', markup=False, soft_wrap=True)
    console.print(f"{len(entries)} commits, {len(found)} messages to fix")
    return 1 if found else 0


def check_file(path: str) -> int:
    """For the hook commit-msg: the message that is being written."""
    lines = [line for line in Path(path).read_text().splitlines() if not line.startswith("#")]
    if what := problem("\n".join(lines).strip()):
        console.print(f"the commit's message {what}", markup=False, soft_wrap=True)
        return 1
    return 0


def git(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
