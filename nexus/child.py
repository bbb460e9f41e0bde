"""Runs children to their end, and lets them end in peace when we are interrupted."""

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GRACE_SECONDS = 15
POLL_SECONDS = 0.1
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Job:
    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


def call(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Its exit code. On Ctrl-C the child, which got the signal too, has time to drop its database and stop its crowd."""
    with subprocess.Popen(argv, cwd=cwd, env=env) as process:
        try:
            return process.wait()
        except BaseException:
            end([process])
            raise


def side_by_side(jobs: Iterable[Job], lanes: int, *, captured: bool) -> Iterator[tuple[Job, int, str]]:
    """Runs `lanes` of the jobs at a time, and yields each that has ended: the job, its exit code, what it printed if that is captured."""
    waiting = list(jobs)
    running: dict[subprocess.Popen[str], tuple[Job, IO[str]]] = {}
    with contextlib.ExitStack() as outputs:
        try:
            while waiting or running:
                while waiting and len(running) < lanes:
                    job = waiting.pop(0)
                    output: IO[str] = outputs.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
                    to = output if captured else None
                    running[subprocess.Popen(job.argv, cwd=job.cwd, env=job.env, stdout=to, stderr=to, text=True)] = job, output
                ended = [process for process in running if process.poll() is not None]
                for process in ended:
                    job, output = running.pop(process)
                    output.seek(0)
                    yield job, process.returncode, output.read()
                if not ended:
                    time.sleep(POLL_SECONDS)
        finally:
            end(list(running))


def end(processes: Sequence["subprocess.Popen[str] | subprocess.Popen[bytes]"]) -> None:
    """Ctrl-C for all of them; who is still there after the time of grace is killed."""
    with uninterrupted():
        for process in processes:
            process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in processes:
            try:
                process.wait(timeout=max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C does not stop the cleaning up after the first."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
