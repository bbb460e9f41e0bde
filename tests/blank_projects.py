"""Runs pytest in each of the folders, two at a time: `python -P tests/blank_projects.py FOLDER…`, with POSTGRES_URL in the environment.

Each has a process of its own, forked from this one, which has imported pytest and Django and nothing of ours: that takes longer than
most patterns' tests. What a run prints is in its folder's `printed`; when it has ended, its exit code is in `exit_code`.
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

IMPORTED = ("django.test", "django.db.backends.postgresql.base")  # what can be without settings
AT_ONCE = 2
ARGV = ["-q", "-p", "pytest_django.plugin", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider"]


def main(folders: list[Path]) -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    running: dict[int, Path] = {}
    waiting = folders[::-1]
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            folder = waiting.pop()
            child = os.fork()
            if not child:
                run(folder)
            running[child] = folder
        child, status = os.wait()
        folder = running.pop(child)
        (folder / "exit_code.new").write_text(str(os.waitstatus_to_exitcode(status)))
        (folder / "exit_code.new").rename(folder / "exit_code")


def run(folder: Path) -> None:
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        printed = os.open(folder / "printed", os.O_WRONLY | os.O_CREAT)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        os.environ["PYTHONPATH"] = str(folder)  # of what the tests start
        os.environ["DATABASE_URL"] = f"{os.environ['POSTGRES_URL']}/{folder.name}"
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a blank project has those two
        code = pytest.main(ARGV)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main([Path(each) for each in sys.argv[1:]])
