"""`make up` without Docker, in a copy of this checkout, for the tests that need everything."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from nexus.private_set import port_is_free
from nexus.servers import HOST
from nexus.sweep import ours

# what a shell may hold, and what must not reach our servers and probes
HOSTILE = {
    "PGSSLMODE": "verify-full", "PGSERVICE": "nowhere", "PGOPTIONS": "-c no=1", "PGHOSTADDR": "192.0.2.1",
    "RABBITMQ_NODENAME": "x@y", "ERL_FLAGS": "-no", "PYTHONHOME": "/nowhere", "DJANGO_SETTINGS_MODULE": "x",
    "http_proxy": "http://192.0.2.1:1", "HTTP_PROXY": "http://192.0.2.1:1", "ALL_PROXY": "http://192.0.2.1:1",
}  # fmt: skip


def claimed_ports() -> tuple[socket.socket, int]:
    """A hundred free TCP ports from the returned one. No other stack gets them while the socket, on the same port of UDP, is open.

    All are below 32768: from there on the kernel gives ports to connections, one of which would take ours while its service is down.
    """
    for base in range(10000, 20000, 100):
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            claim.bind((HOST, base))
            if all(port_is_free(base + n) for n in range(100)):
                return claim, base
        claim.close()
    raise RuntimeError("no hundred free ports between 10000 and 20000")


class Stack:
    """A copy of this checkout with ports and data of its own; its packages are this checkout's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.claim, self.port_base = claimed_ports()

    def release(self) -> None:
        self.claim.close()

    def make(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= (
            {"RUNTIME": "native", "PORT_BASE": str(self.port_base), "COLUMNS": "120", "STATEMENT_TIMEOUT_SECONDS": "3"}
            | HOSTILE
            | variables
        )
        return subprocess.run(["make", "-s", *words], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600)

    def url(self, offset: int, path: str) -> str:
        return f"http://127.0.0.1:{self.port_base + offset}{path}"

    def supervised(self) -> set[int]:
        """The pids of what supervisord started; their own children (PostgreSQL's, one a connection) come and go."""
        supervisor = int((self.folder / ".run/supervisord.pid").read_text())
        return {process.pid for process in psutil.Process(supervisor).children()}

    def processes(self) -> list[psutil.Process]:
        return ours(str(self.folder / ".run"), ((self.folder / ".run/data").resolve(),))

    def command_lines(self) -> Iterator[str]:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                yield " ".join(process.cmdline())


def rows(printed: str) -> list[list[str]]:
    """The table's rows, in words."""
    table = printed[printed.index("service ") :].splitlines()[1:]
    return [line.split() for line in table if line[:1].isalpha()]
