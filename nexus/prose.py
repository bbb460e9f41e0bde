"""Plain English in the documents: textlint with the words that docs/prose/prh.yml lists. `make lint ONLY=prose` runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from nexus import readme
from nexus.compose import ROOT

RULES = ROOT / "docs/prose"
PACKAGES = ROOT / ".run/prose"


def install() -> Path:
    """The folder with the programs. Installed again when the lock file has changed."""
    if not shutil.which("npm"):
        raise RuntimeError("npm is missing, which installs textlint: install Node.js 18 or newer")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    lock, installed = RULES / "package-lock.json", PACKAGES / "package-lock.json"
    is_installed = (PACKAGES / "node_modules").is_dir() and installed.exists() and installed.read_bytes() == lock.read_bytes()
    for file in RULES.iterdir():
        if file != lock:
            shutil.copy(file, PACKAGES)
    if not is_installed:
        shutil.copy(RULES / "package-lock.json", PACKAGES)
        argv = ["npm", "ci", "--silent", "--no-progress"]
        if subprocess.run(argv, cwd=PACKAGES, env=os.environ).returncode:
            shutil.rmtree(PACKAGES)
            raise RuntimeError("npm could not install textlint: is its registry reachable?")
    return PACKAGES / "node_modules/.bin"


if __name__ == "__main__":
    try:
        textlint = install() / "textlint"
    except RuntimeError as error:
        sys.exit(f"nexus: {error}")
    pages = [ROOT / "README.md", ROOT / "patterns/README.md", *readme.challenge_pages(), *readme.pages()]
    names = [str(page.relative_to(ROOT)) for page in pages]
    argv = [str(textlint), "--config", str(PACKAGES / ".textlintrc.json"), "--format", "unix", *names]
    sys.exit(subprocess.run(argv, cwd=ROOT).returncode)
