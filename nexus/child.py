"""Runs a child to its end, and lets it end in peace when we are interrupted."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

GRACE_SECONDS = 15


def call(argv: list[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Its exit code. On Ctrl-C the child, which got the signal too, has time to drop its database and stop its crowd."""
    with subprocess.Popen(argv, cwd=cwd, env=env) as process:
        try:
            return process.wait()
        except BaseException:
            with uninterrupted():
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(timeout=GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
            raise


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C does not stop the cleaning up after the first."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
