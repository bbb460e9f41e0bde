"""What runs: each demo asked over HTTP whether it is ready, each server by a TCP connection."""

import socket
from dataclasses import dataclass
from typing import Literal

import httpx
from django.conf import settings

from door.demos import Demo
from door.http import ask

CONNECT_TIMEOUT_SECONDS = 1.0
State = Literal["ready", "not ready", "not running", "not responding", "unknown"]


@dataclass(frozen=True)
class DemoStatus:
    """`missing` names the dependencies that a demo waits for."""

    demo: Demo
    state: State
    missing: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        return self.state in ("ready", "not ready")


@dataclass(frozen=True)
class ServerStatus:
    name: str
    is_up: bool

    @property
    def label(self) -> str:
        return "pages (cache)" if self.name == "pages" else self.name  # the name alone does not say what it is


def demo_status(demo: Demo) -> DemoStatus:
    """Never raises."""
    try:
        answer = ask("GET", demo, "/ready")
    except httpx.TimeoutException:
        return DemoStatus(demo, "not responding")
    except httpx.HTTPError:
        return DemoStatus(demo, "not running")
    if answer.status_code == 200:
        return DemoStatus(demo, "ready")
    if answer.status_code == 503:
        return DemoStatus(demo, "not ready", missing_dependencies(answer))
    return DemoStatus(demo, "unknown")


def missing_dependencies(answer: httpx.Response) -> tuple[str, ...]:
    """The names of django-health-check's checks that are not OK. Their arguments and errors may hold a password: left out."""
    try:
        return tuple(name.partition("(")[0] for name, said in answer.json().items() if said != "OK")
    except (ValueError, AttributeError):
        return ()


def server_status(name: str) -> ServerStatus:
    """Up when something accepts connections at the address of settings.SERVERS. Never raises."""
    host, _, port = settings.SERVERS[name].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError):
        return ServerStatus(name, is_up=False)
    return ServerStatus(name, is_up=True)
