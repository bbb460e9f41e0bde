"""Which parts a change touches, as lines for GITHUB_OUTPUT: `make changed BASE=origin/main`. Needs Python alone, no packages.

demos   the demos to test, as JSON: those whose folder changed; all of them when what they share did
shared  what all demos share changed: the workbench, labkit, the pins, the compose file, the workflows
code    anything changed that a running house is made of; documents alone do not need one
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("docs/", "LICENSE", "CODEOWNERS", ".github/ISSUE_TEMPLATE/", ".github/CODEOWNERS", ".github/dependabot.yml")


def parts(paths: Iterable[str]) -> dict[str, object]:
    """What the changed paths, relative to the root, concern."""
    demos = sorted(path.parent.name for path in ROOT.glob("*_demo/manage.py"))
    rooms = {path.partition("/")[0] for path in paths if not is_document(path)}
    shared = bool(rooms - {*demos, "portal"})
    return {"demos": demos if shared else sorted(rooms & {*demos}), "shared": shared, "code": bool(rooms)}


def is_document(path: str) -> bool:
    """A demo's README is none: its tables are claims, which are measured."""
    return path.startswith(DOCUMENTS) or (path.endswith(".md") and not path.partition("/")[0].endswith("_demo"))


def changed_since(base: str) -> list[str] | None:
    """None when there is nothing to compare with: a first push, or a base that was pushed away."""
    listed = ["git", "diff", "--name-only", "--no-renames", f"{base}...HEAD"]  # a moved file left one part and came to another
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else None


def main(base: str) -> int:
    paths = changed_since(base) if base.strip("0") else None
    found = parts(paths) if paths is not None else parts(["anything"])
    for name, value in found.items():
        print(f"{name}={json.dumps(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
