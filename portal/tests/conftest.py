import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.test import Client

from door import http
from door.demos import DEMOS
from tests.fake_demo import FakeDemo


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else gets: it is bound all the while."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture(autouse=True)
def only_what_a_test_starts(settings: Any, closed_port: int) -> None:
    """No test meets a demo that happens to run on this machine."""
    settings.INTERNAL_URLS = {demo.name: f"http://127.0.0.1:{closed_port}" for demo in DEMOS}
    settings.SERVERS = {}
    settings.SOURCE_URL = ""
    settings.PORT_BASE = 8000


@pytest.fixture
def rest_demo(settings: Any) -> Iterator[FakeDemo]:
    """One demo of the six that runs."""
    demo = FakeDemo()
    settings.INTERNAL_URLS["rest_demo"] = demo.url
    yield demo
    demo.close()


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-outs of a test, in which nobody should wait two seconds."""
    with_short_timeout = httpx.Client(timeout=0.2, trust_env=False)
    monkeypatch.setattr(http, "_client", with_short_timeout)


class Htmx(Client):
    """What a browser with JavaScript sends."""

    def __init__(self) -> None:
        super().__init__(headers={"HX-Request": "true"})


@pytest.fixture
def htmx() -> Htmx:
    return Htmx()
