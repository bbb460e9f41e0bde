"""Starts real processes for an experiment, kills them as a fault would, and leaves none behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection, HTTPException


@contextlib.contextmanager
def running(argv: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process, in a group of its own, that is ended with its children when the block ends. `argv[0]` "python" is ours."""
    argv = [sys.executable if word == "python" and index == 0 else word for index, word in enumerate(argv)]
    process = subprocess.Popen(argv, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        kill(process, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            kill(process, signal.SIGKILL)
            process.wait()


def web_server(application: str, interface: str = "wsgi") -> list[str]:
    """The command without its size: gunicorn for WSGI, uvicorn for ASGI, as docker-compose.yml has them."""
    if interface == "asgi":
        return ["python", "-m", "uvicorn", "--log-level", "warning", application]
    return ["python", "-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--threads", "4", application]


def listening(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    """The environment that makes each of our servers listen there."""
    return {
        "HOST": host,
        "PORT": str(port),
        "GUNICORN_CMD_ARGS": f"--bind={host}:{port}",
        "UVICORN_HOST": host,
        "UVICORN_PORT": str(port),
    }


@contextlib.contextmanager
def served(port: int, *, interface: str = "wsgi", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The service in the current folder, with the server that production uses, on this port.

    Yields its process when it answers: gunicorn accepts connections before its workers start.
    """
    with running(web_server(f"config.{interface}:application", interface), **listening(port) | environment) as process:
        wait_until(lambda: is_serving(port), timeout_seconds=30, what="the service")
        yield process


def is_serving(port: int, timeout_seconds: float = 5) -> bool:
    """True when the service answers /live in time, whatever it says."""
    with contextlib.suppress(OSError, HTTPException):
        connection = HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
        try:
            connection.request("GET", "/live")
            return bool(connection.getresponse().status)
        finally:
            connection.close()
    return False


def kill(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """Sends a signal to the process and its children, as the kernel's memory killer or an operator would."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float, what: str) -> None:
    """Polls a condition. Raises TimeoutError, with `what` was awaited, if it does not become true in time.

    The time ends a wait that hangs; it measures nothing. In tests PATIENCE multiplies it: some machines are busy.
    """
    timeout_seconds *= float(os.environ.get("PATIENCE", "1"))
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_seconds:g} s for {what}")
        time.sleep(0.02)


def answers(host: str, port: int) -> bool:
    """True when something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
