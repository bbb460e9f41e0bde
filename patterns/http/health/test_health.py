import dataclasses
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from . import AMQP, Ready, Redis, live


@dataclasses.dataclass
class Fine(HealthCheck):
    def run(self) -> None:  # type: ignore[override]
        pass


@dataclasses.dataclass
class Down(HealthCheck):
    def run(self) -> None:  # type: ignore[override]
        raise ServiceUnavailable("password=s3cret")


@dataclasses.dataclass
class Bug(HealthCheck):
    def run(self) -> None:  # type: ignore[override]
        raise ZeroDivisionError("s3cret")


@dataclasses.dataclass
class Hangs(HealthCheck):
    timeout = timedelta(seconds=0.1)

    def run(self) -> None:  # type: ignore[override]
        time.sleep(1.5)


async def ready(required: Any, optional: Any = (), **headers: str) -> tuple[int, Any]:
    view = type("OurReady", (Ready,), {"required": required, "optional": optional}).as_view()
    response = await view(RequestFactory().get("/ready", headers=headers))
    assert response["Content-Type"] == "application/json"
    assert "s3cret" not in response.content.decode()
    return response.status_code, json.loads(response.content)


async def test_ready_when_every_check_passes() -> None:
    body = {"status": "ready", "checks": {"Fine": "ok"}}

    assert await ready([Fine]) == (200, body)


@pytest.mark.parametrize("check", [Down, Bug, Hangs])
async def test_unavailable_when_a_required_check_fails(check: type[HealthCheck]) -> None:
    status, body = await ready([Fine, check])

    assert (status, body["status"]) == (503, "unavailable")
    assert body["checks"] == {"Fine": "ok", check.__name__: "unavailable"}


async def test_degraded_when_an_optional_check_fails() -> None:
    status, body = await ready([Fine], [Down])

    assert (status, body["status"]) == (200, "degraded")
    assert body["checks"] == {"Fine": "ok", "Down": "unavailable"}


@pytest.mark.parametrize("accept", ["text/plain", "application/atom+xml", ";;;,,/"])
async def test_json_whatever_the_client_accepts(accept: str) -> None:
    assert (await ready([Down], Accept=accept))[0] == 503


async def test_servers_that_refuse_connections_are_named() -> None:
    redis, amqp = "redis://127.0.0.1:1", "amqp://guest:s3cret@127.0.0.1:1/%2F"
    status, body = await ready([Fine], [(Redis, {"url": redis}), (AMQP, {"url": amqp})])

    assert status == 200
    assert body["checks"] == {"Fine": "ok", "Redis": "unavailable", "AMQP": "unavailable"}


def test_live_asks_nothing() -> None:
    assert json.loads(live(RequestFactory().get("/live")).content) == {"status": "live"}
