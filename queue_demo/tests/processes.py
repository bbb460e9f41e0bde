"""The service as it runs in production, on the test's own database and its own queues. Each process logs to a file."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from labkit.processes import answers, free_port, listening, running, wait_until, web_server
from tests.conftest import Broker

LOOPS = {
    "carry": ["manage.py", "carry"],
    "relay": ["manage.py", "relay_outbox"],
    "consumer": ["manage.py", "consume_events"],
    # without gossip, mingle and heartbeat events: whoever switches them off must not lose the health check
    "worker": [
        *("-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ],
}
BEAT = ["-m", "celery", "-A", "config", "beat", "--loglevel", "INFO"]  # touches no file


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

    def get(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.web_port}{path}").raise_for_status().json()

    def mails(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"http://127.0.0.1:{self.mail_port}/").json())

    def mail_server(self, path: str, body: Any = None) -> Any:
        """Tells it something: off, on, trouble, reset."""
        return httpx.post(f"http://127.0.0.1:{self.mail_port}/{path}", json=body or {}).raise_for_status().json()


@contextlib.contextmanager
def service(broker: Broker, folder: Path, *names: str, **variables: str) -> Iterator[Service]:
    """The web, the mail server, and the loops of these names, ready."""
    ports = web_port, mail_port, smtp_port = free_port(), free_port(), free_port()
    environment = {
        **broker.environment,
        **{"SMTP_URL": f"smtp://127.0.0.1:{smtp_port}", "PYTHONUNBUFFERED": "1"},
        **variables,
    }
    commands = {
        "mail": web_server("mail_provider.app:application", "asgi")[1:],
        "web": web_server("config.wsgi:application")[1:],
        **{name: BEAT if name == "beat" else LOOPS[name] for name in names},
    }
    with contextlib.ExitStack() as stack:
        processes = {
            name: stack.enter_context(
                running(
                    logged(folder / f"{name}.log", argv),
                    **environment,
                    **listening(mail_port if name == "mail" else web_port),
                    ALIVE_FILE=str(folder / name),
                )
            )
            for name, argv in commands.items()
        }
        wait_until(lambda: all((folder / name).exists() for name in names if name in LOOPS), timeout_seconds=40, what="all loops")
        wait_until(lambda: all(answers("127.0.0.1", port) for port in ports), timeout_seconds=40, what="all ports")
        yield Service(folder, web_port, mail_port, processes)


def logged(log: Path, argv: list[str]) -> list[str]:
    return ["sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", str(log), sys.executable, *argv]
