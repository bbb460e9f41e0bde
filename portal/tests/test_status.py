import socket
from typing import Any

import pytest
from django.test import Client

from tests.fake_demo import FakeDemo


def status(client: Client, **query: str) -> str:
    answer = client.get("/status/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_ready_demo_links_its_explorers_at_the_host_that_was_asked(client: Client, rest_demo: FakeDemo, settings: Any) -> None:
    settings.PORT_BASE = 9000
    html = client.get("/status/", headers={"host": "localhost:4711"}).content.decode()

    assert '<span class="state ready">ready</span>' in html
    assert 'href="http://localhost:9001/api/docs/"' in html


def test_a_demo_that_is_not_ready_names_the_dependency_and_not_its_secrets(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.ready = (503, {"Database(alias='default')": "OK", "Redis(url='redis://:secret@host')": "Connection with secret refused"})

    html = status(client)

    assert ">not ready: Redis</span>" in html
    assert "secret" not in html
    assert "/api/docs/" in html


@pytest.mark.parametrize("body", [b"", b"\xff", [], {"a": None}, "down"])
def test_a_503_of_any_shape_is_not_ready(client: Client, rest_demo: FakeDemo, body: Any) -> None:
    rest_demo.ready = (503, body)

    assert ">not ready" in status(client)


@pytest.mark.parametrize("code", [301, 404, 500])
def test_something_else_at_the_address_is_not_taken_for_a_demo(client: Client, rest_demo: FakeDemo, code: int) -> None:
    rest_demo.ready = (code, b"")

    html = status(client)

    assert '<span class="state unknown">' in html
    assert "/api/docs/" not in html


@pytest.mark.usefixtures("short_patience")
def test_a_frozen_demo_is_silent_and_the_others_are_shown(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.frozen.clear()

    html = status(client)

    assert '<span class="state not-responding">' in html
    assert html.count('<span class="state not-running">') == 5


def test_servers_are_up_when_they_take_connections(client: Client, settings: Any, closed_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.SERVERS = {
            "rabbitmq": f"127.0.0.1:{listening.getsockname()[1]}",
            "redis": f"127.0.0.1:{closed_port}",
            "pages": f"127.0.0.1:{closed_port}",
        }
        html = status(client)

    assert 'rabbitmq <span class="muted">up</span>' in html
    assert 'redis <span class="muted">down</span>' in html
    assert 'pages (cache) <span class="muted">down</span>' in html
    assert 'href="http://testserver:8073/">management</a>' in html


def test_without_news_only_the_time_is_sent(client: Client, rest_demo: FakeDemo) -> None:
    seen = status(client).partition("?seen=")[2].partition('"')[0]

    again = client.get("/status/", {"seen": seen})
    rest_demo.ready = (503, {})
    changed = client.get("/status/", {"seen": seen})

    assert again["HX-Retarget"] == "#checked"
    assert "rest_demo" not in again.content.decode()
    assert "rest_demo" in changed.content.decode()
    assert "HX-Retarget" not in changed
