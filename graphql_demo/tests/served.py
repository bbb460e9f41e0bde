"""The service as production starts it, in a process of its own."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.db import connection

from labkit import processes
from labkit.processes import free_port

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k3y-" * 20, "HTTPS": "0"}


@contextlib.contextmanager
def served(interface: str = "wsgi", **environment: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Its address, and its process."""
    port = free_port()
    with processes.served(port, interface=interface, **{**PRODUCTION, **environment}) as process:
        yield f"http://127.0.0.1:{port}", process


def test_database() -> str:
    """The URL of the tests' own database, for a process that works on it too: in a test that commits."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


test_database.__test__ = False  # type: ignore[attr-defined]
