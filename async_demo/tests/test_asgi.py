"""The application as a server sees it: config/asgi.py, spoken to in ASGI."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref import testing

from config.asgi import application
from tests.conftest import QUESTION, set_delay_ms

Communicator: Any = testing.ApplicationCommunicator  # it has no types
Stats = Callable[[], dict[str, int]]

# committed, or the threads in which Django runs its queries would not see the carriers
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("carriers")]


@pytest.fixture
def hanging_carriers(carriers: None) -> None:
    set_delay_ms(30_000)


async def test_the_quotes_of_one_process_share_one_client(stats: Stats) -> None:
    async with served() as state:
        statuses = [await status_of(await asking(state)) for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert (stats()["calls"], stats()["connections"]) == (15, 5)


async def test_the_shared_client_is_closed_when_the_process_stops() -> None:
    async with served() as state:
        client = state["carriers"]
        assert not client.is_closed

    assert client.is_closed


async def test_a_customer_who_leaves_takes_the_calls_along(hanging_carriers: None, stats: Stats, settings: Any) -> None:
    settings.CARRIER_TIMEOUT_SECONDS = 60
    async with served() as state:
        before = asyncio.all_tasks()
        customer = await asking(state)
        await until(lambda: stats()["in_flight"] == 5)
        await customer.send_input({"type": "http.disconnect"})
        await customer.wait(timeout=10)

        assert asyncio.all_tasks() == before
        await until(lambda: stats()["in_flight"] == 0)


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[dict[str, Any]]:
    """What a server does around the requests."""
    state: dict[str, Any] = {}
    server = Communicator(application, {"type": "lifespan", "state": state})
    await server.send_input({"type": "lifespan.startup"})
    assert await server.receive_output(timeout=10) == {"type": "lifespan.startup.complete"}
    yield state
    await server.send_input({"type": "lifespan.shutdown"})
    assert await server.receive_output(timeout=10) == {"type": "lifespan.shutdown.complete"}
    await server.wait()


async def asking(state: dict[str, Any]) -> Any:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/quotes/",
        "query_string": urlencode(QUESTION).encode(),
        "headers": [(b"host", b"localhost")],
        "state": dict(state),
    }
    customer = Communicator(application, scope)
    await customer.send_input({"type": "http.request"})
    return customer


async def status_of(customer: Any) -> int:
    started = await customer.receive_output(timeout=10)
    while (await customer.receive_output(timeout=10)).get("more_body"):
        pass
    await customer.wait()
    return started["status"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)
