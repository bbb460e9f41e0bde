"""The service as it runs in production, on the test's own database and its own queues. Each process logs to a file."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from labkit.processes import answers, free_port, running, wait_until
from tests.conftest import Broker

LOOPS = {
    "relay": ["manage.py", "relay_outbox"],
    "consumer": ["manage.py", "consume_events"],
    # without gossip, mingle and heartbeat events: whoever switches them off must not lose the health check
    "worker": [
        *("-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ],
}


@dataclass
class Service:
    folder: Path
    web_port: int
    mail_port: int
    processes: dict[str, "subprocess.Popen[bytes]"]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """To the web process."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"http://127.0.0.1:{self.web_port}{path}", json=body, headers=headers).raise_for_status().json()

    def mails(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"http://127.0.0.1:{self.mail_port}/").json())

    def mail_server(self, path: str, body: Any = None) -> Any:
        """Tells it something: off, on, trouble, reset."""
        return httpx.post(f"http://127.0.0.1:{self.mail_port}/{path}", json=body or {}).raise_for_status().json()


@contextlib.contextmanager
def service(broker: Broker, folder: Path) -> Iterator[Service]:
    """Everything that `make up` runs of this demo, ready."""
    web_port, mail_port, smtp_port = free_port(), free_port(), free_port()
    environment = {**broker.environment, "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}", "PYTHONUNBUFFERED": "1", "GRANIAN_HOST": "127.0.0.1"}
    commands = {
        "mail": ["-m", "granian", "--interface", "asgi", "--port", str(mail_port), "mail_provider.app:application"],
        "web": ["-m", "granian", "--interface", "wsgi", "--port", str(web_port), "config.wsgi:application"],
        **LOOPS,
    }
    with contextlib.ExitStack() as stack:
        processes = {
            name: stack.enter_context(
                running(
                    ["sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", str(folder / f"{name}.log"), sys.executable, *argv],
                    **environment,
                    ALIVE_FILE=str(folder / name),
                )
            )
            for name, argv in commands.items()
        }
        wait_until(lambda: all((folder / name).exists() for name in LOOPS), timeout_seconds=30, what="all loops")
        wait_until(
            lambda: all(answers("127.0.0.1", port) for port in (web_port, mail_port, smtp_port)), timeout_seconds=30, what="all ports"
        )
        yield Service(folder, web_port, mail_port, processes)
