"""What takes too long for every run: each profile alone, what an interrupted run leaves, and the real set-up."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from nexus.private_set import port_is_free
from nexus.testing import is_of_packages
from tests.conftest import LEFT_BEHIND, ROOT
from tests.native_stack import Stack, rows

pytestmark = [pytest.mark.native, pytest.mark.nightly]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("alone") / "nexus"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    house = Stack(folder)
    yield house
    house.make("down")
    shutil.rmtree((folder / ".run/data").resolve())
    house.release()


def test_each_demo_starts_and_stops_alone(demo: Path, house: Stack) -> None:
    up = house.make("up", f"DEMO={demo.name}")
    assert up.returncode == 0, up.stdout + up.stderr
    states = {row[-1] for row in rows(up.stdout)}
    down = house.make("down", f"DEMO={demo.name}")

    assert states == {"ready"}, up.stdout
    assert down.returncode == 0, down.stderr
    assert house.processes() == []
    assert [offset for offset in range(100) if not port_is_free(house.port_base + offset)] == []


@contextlib.contextmanager
def lab(house: Stack) -> Iterator["subprocess.Popen[str]"]:
    """`make lab`, as soon as its servers answer."""
    argv = ["make", "-s", "lab", "DEMO=async_demo"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME")} | {"RUNTIME": "native"}
    popen = {"cwd": house.folder, "env": environment, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(argv, **popen) as run:
        while "servers are up" not in run.stdout.readline():
            assert run.poll() is None
        yield run


def started_by(run: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(run.pid).children(recursive=True)


def alive(processes: list[psutil.Process]) -> list[str]:
    """The names of those that still run."""
    found = []
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE:
                found.append(each.name())
    return found


def test_a_terminal_that_closes_during_lab_leaves_no_server(house: Stack) -> None:
    with lab(house) as run:
        processes = started_by(run)
        os.killpg(run.pid, signal.SIGHUP)
        run.wait(timeout=60)
    psutil.wait_procs(processes, timeout=60)

    assert len(processes) > 4
    assert alive(processes) == []


def test_the_next_command_removes_what_a_killed_lab_left(house: Stack) -> None:
    with lab(house) as run:
        processes = started_by(run)
        os.killpg(run.pid, signal.SIGKILL)  # make, the tool and its experiments; servers have sessions of their own
        run.wait(timeout=30)
    left = alive(processes)
    status = house.make("status")

    assert "postgres" in left
    assert "removed the files of a killed run" in status.stdout
    assert alive(processes) == []


def test_the_real_set_up_by_several_makes_at_once_leaves_the_global_python_alone(tmp_path: Path) -> None:
    folder = tmp_path / "nexus"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    listing = [str(base), "-I", "-m", "pip", "list", "--format", "freeze"]
    before = subprocess.run(listing, capture_output=True, text=True, check=True).stdout

    sources = {name: value for name, value in os.environ.items() if is_of_packages(name)}
    environment = {name: os.environ[name] for name in ("PATH", "HOME")} | sources | {"RUNTIME": "native"}

    def make(action: str) -> "subprocess.CompletedProcess[str]":
        argv = ["make", "-s", action, "ONLY=shell", "PYTHON=" + str(base)]
        return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(make, ["lint", "lint", "lint", "status"]))
    assert [each.returncode for each in done] == [0] * 4, [each.stderr for each in done]
    (folder / ".venv/bin/python").unlink()
    healed = make("lint")

    assert healed.returncode == 0, healed.stderr
    assert before == subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    assert sum("packages: installed" in each.stdout for each in done) == 1
