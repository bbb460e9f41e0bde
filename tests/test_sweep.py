"""The sweep ends what we started, and no other."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from labkit.processes import answers, free_port, wait_until
from nexus.sweep import MARK, ours, sweep
from tests.conftest import ROOT

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


@pytest.mark.native
def test_root_of_a_container_finds_a_server_of_another_user() -> None:
    """Only root can start one as another user; anybody else's server runs as they do."""
    is_root = os.geteuid() == 0
    nobody = pwd.getpwnam("nobody")
    servant = {"user": nobody.pw_uid, "group": nobody.pw_gid} if is_root else {}
    container = ["setpriv", "--bounding-set", "-sys_ptrace"] if is_root else []
    with tempfile.TemporaryDirectory() as folder:
        if is_root:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        look = f"from pathlib import Path; from nexus.sweep import ours; print([process.pid for process in ours('x', (Path({folder!r}),))])"
        port = free_port()
        argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        with subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, **servant) as server:  # type: ignore[call-overload]
            wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=10, what="Redis")
            found = subprocess.run([*container, sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True)
            server.kill()

    assert found.stdout == f"[{server.pid}]\n", found.stderr
