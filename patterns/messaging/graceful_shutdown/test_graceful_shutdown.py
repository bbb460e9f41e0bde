"""The pattern in a process of its own, which is sent real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import touch

PROGRAM = """
import sys, time
from pathlib import Path
from {package} import stop_on_signal, touch

folder, turn_seconds = Path(sys.argv[1]), float(sys.argv[2])
stop = stop_on_signal(grace_seconds=1)
while not stop.is_set():
    touch(folder / "alive")
    end = time.monotonic() + turn_seconds
    while time.monotonic() < end:
        time.sleep(0.01)
    with (folder / "turns").open("a") as turns:
        turns.write("ended\\n")
"""
Start = Callable[[float], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the loop with turns of so many seconds; returns when the first has begun."""
    processes = []

    def start_one(turn_seconds: float) -> "subprocess.Popen[bytes]":
        argv = [
            sys.executable,
            "-c",
            PROGRAM.format(package=__package__),
            str(tmp_path),
            str(turn_seconds),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(argv, env=environment)
        processes.append(process)
        wait_until((tmp_path / "alive").exists)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_turn_finish_and_starts_no_other(
    start: Start, tmp_path: Path, number: int
) -> None:
    process = start(0.5)
    begun = time.monotonic()
    process.send_signal(number)

    assert process.wait(10) == 0
    assert time.monotonic() - begun < 5
    assert (tmp_path / "turns").read_text() == "ended\n"


def test_a_turn_that_hangs_is_ended_after_the_grace(start: Start, tmp_path: Path) -> None:
    process = start(60)
    process.terminate()

    assert process.wait(10) == -signal.SIGALRM
    assert not (tmp_path / "turns").exists()


def test_the_liveness_file_gets_younger_with_each_turn(start: Start, tmp_path: Path) -> None:
    start(0.01)
    seen = (tmp_path / "alive").stat().st_mtime_ns

    wait_until(lambda: (tmp_path / "alive").stat().st_mtime_ns > seen)


def test_an_empty_path_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch("")

    assert list(tmp_path.iterdir()) == []
