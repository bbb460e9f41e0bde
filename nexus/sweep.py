"""Finds and ends the processes that we started, and no other.

Everything that the workbench starts carries `NEXUS_RUN=<its folder>` in its environment; servers that overwrite their
environment for `ps` are known by their working folder. Nothing is ever stopped by its name.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "NEXUS_RUN"
LOSE_THEIR_ENVIRONMENT = ("nginx", "postgres", "redis-server", "redis-check-rdb")


def ours(mark: str, folders: tuple[Path, ...] = ()) -> list[psutil.Process]:
    """The live processes that carry the mark or work in one of the folders."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid in _our_own_line():
                continue
            with _as_its_owner(process):
                if process.environ().get(MARK) == mark or _works_in(process, folders):
                    found.append(process)
    return found


def sweep(mark: str, folders: tuple[Path, ...] = (), grace_seconds: float = 5) -> int:
    """Ends what is left: SIGTERM, and SIGKILL after the grace. Returns how many there were."""
    count = 0
    # again until nothing is found: a dying RabbitMQ starts an epmd while we look the other way
    for _ in range(5):
        if not (processes := ours(mark, folders)):
            break
        count += len(processes)
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=grace_seconds)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=grace_seconds)
    return count


@contextlib.contextmanager
def _as_its_owner(process: psutil.Process) -> Iterator[None]:
    """Root in a container may signal other users' processes and not look into them (CAP_SYS_PTRACE); their owner may."""
    me, owner = (os.geteuid(), os.getegid()), (process.uids().effective, process.gids().effective)
    if me[0] != 0 or owner == me:
        yield
        return
    try:
        os.setegid(owner[1])
        os.seteuid(owner[0])
        yield
    finally:
        os.seteuid(me[0])
        os.setegid(me[1])


def _our_own_line() -> set[int]:
    me = psutil.Process()
    return {me.pid, *(parent.pid for parent in me.parents())}


def _works_in(process: psutil.Process, folders: tuple[Path, ...]) -> bool:
    """Only of servers that lose their environment: somebody's shell may stand in the folder too."""
    if not folders or Path(process.exe()).name not in LOSE_THEIR_ENVIRONMENT:
        return False
    return any(Path(process.cwd()).is_relative_to(folder) for folder in folders)
