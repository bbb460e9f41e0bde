"""What a run that was killed left is removed by the next one; what a living run uses is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from nexus.private_set import private_folder, remove_dead
from tests.conftest import ROOT

RUN = """
import subprocess, sys
from nexus.private_set import private_folder
from nexus.sweep import MARK
with private_folder("nexus-test-") as folder:
    child = subprocess.Popen(["sleep", "60"], env={MARK: str(folder)}, start_new_session=True)
    print(folder, child.pid, flush=True)
    sys.stdin.read()
"""


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else() -> None:
    with private_folder("nexus-test-") as living:
        argv = [sys.executable, "-c", RUN]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout
            folder, pid = run.stdout.readline().split()
            child = psutil.Process(int(pid))
            remove_dead()
            spared = child.is_running() and Path(folder).exists()
            run.send_signal(signal.SIGKILL)
            run.wait()
        left = child.is_running() and Path(folder).exists()
        remove_dead()

        assert spared
        assert left
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
        assert not Path(folder).exists()
        assert living.exists()
    assert not living.exists()
