"""The sweep ends what we started, and no other."""

import subprocess
import sys
from pathlib import Path

import psutil

from nexus.sweep import MARK, ours, sweep

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_it_ends_who_carries_the_mark_and_no_bystander(tmp_path: Path) -> None:
    with (
        subprocess.Popen(SLEEP, env={MARK: str(tmp_path)}) as marked,
        subprocess.Popen(SLEEP, env={MARK: "/another/house"}) as neighbour,
        subprocess.Popen(SLEEP, cwd=tmp_path, env={}) as bystander,
    ):
        swept = sweep(str(tmp_path), (tmp_path,))
        alive = [psutil.pid_exists(process.pid) for process in (marked, neighbour, bystander)]
        neighbour.kill()
        bystander.kill()

    assert swept == 1
    assert alive == [False, True, True]
    assert ours(str(tmp_path), (tmp_path,)) == []
