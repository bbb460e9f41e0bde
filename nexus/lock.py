"""Pins every version once, for all demos and all platforms, with hashes and without download addresses."""

import subprocess

from nexus.compose import ROOT

HEADER = (
    "# Made by `make lock` from every requirements.txt. Versions and hashes for Python 3.11 and newer; edit the requirements instead.\n"
)


def run() -> int:
    requirements = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("*/requirements.txt"))
    argv = [str(ROOT / ".venv/bin/uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    argv += ["--upgrade", "--no-header", "--no-emit-index-url", "--no-emit-find-links", *requirements]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode == 0:
        (ROOT / "constraints.txt").write_text(HEADER + done.stdout)
    return done.returncode
