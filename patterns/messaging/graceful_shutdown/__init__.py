"""Graceful shutdown: a worker loop finishes its turn on SIGTERM and shows it is alive.

Problem
    A loop that ignores SIGTERM is killed in mid-turn. One that hangs looks healthy: it
    has no port.

Guarantee
    - SIGTERM and Ctrl-C set an event; the loop ends after the turn it is in.
    - A turn that hangs is ended by the kernel `grace_seconds` later.
    - The liveness file's age is the time since the last turn.

Not guaranteed
    That a turn fits into the supervisor's grace (Docker 10 s, Kubernetes 30 s).

Cost
    A system call per turn. Main thread only.

Use instead
    The signal handling of gunicorn, uvicorn or Celery, for what they run. A health
    endpoint, for what has a port. (Checked 2026-11.)

Source: Kubernetes, "Pod termination".

Use
    # your code
    from patterns.messaging.graceful_shutdown import stop_on_signal, touch

    def work_until_sigterm(turn):
        stop = stop_on_signal()
        while not stop.is_set():
            turn()
            touch("/tmp/worker.alive")  # probe: its age must stay below 30 s
            stop.wait(1)
"""

import signal
import threading
from pathlib import Path


def stop_on_signal(*, grace_seconds: int = 8) -> threading.Event:
    """Returns an event that SIGTERM or Ctrl-C sets; call it once, in the main thread.

    From then on the process has `grace_seconds` to end, or SIGALRM ends it: a turn that
    waits in a system call never gets to run a Python handler.
    """
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        stop.set()
        signal.alarm(grace_seconds)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def touch(path: str | Path) -> None:
    """Shows that the loop turned. An empty path means that nothing looks."""
    if path:
        Path(path).touch()
