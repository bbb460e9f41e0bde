"""An application that records its calls, and resources that record when they open and close."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from asgiref import testing
from django.test import AsyncRequestFactory, RequestFactory

from . import Lifespan, resource

pytestmark = pytest.mark.asyncio  # said here, too, for a project whose asyncio_mode is not auto
Communicator: Any = testing.ApplicationCommunicator  # it has no types


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture
def pool(events: list[str]) -> Callable[..., Callable[[], AbstractAsyncContextManager[str]]]:
    """`pool("a")` makes a; `fails` makes it fail when it opens or when it closes."""

    def named(name: str, fails: str = "") -> Callable[[], AbstractAsyncContextManager[str]]:
        @contextlib.asynccontextmanager
        async def make() -> AsyncIterator[str]:
            if fails == "open":
                raise ConnectionError(name)
            events.append(f"{name} opened")
            try:
                yield name
            finally:
                events.append(f"{name} closed")
            if fails == "close":
                raise ConnectionError(name)

        return make

    return named


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "seen", "scope": scope, "received": await receive()})


class Server:
    """One process: startup, requests, shutdown."""

    def __init__(self, **resources: Any) -> None:
        self.app = Lifespan(application, **resources)
        self.state: dict[str, Any] = {}
        self.lifespan = Communicator(self.app, {"type": "lifespan", "state": self.state})

    async def tell(self, event: str) -> Any:
        await self.lifespan.send_input({"type": f"lifespan.{event}"})
        return await self.lifespan.receive_output()


async def test_resources_open_before_requests_and_close_in_reverse_order(
    pool: Any, events: list[str]
) -> None:
    server = Server(a=pool("a"), b=pool("b"))

    assert await server.tell("startup") == {"type": "lifespan.startup.complete"}
    assert server.state == {"a": "a", "b": "b"}
    assert events == ["a opened", "b opened"]
    assert await server.tell("shutdown") == {"type": "lifespan.shutdown.complete"}
    assert events == ["a opened", "b opened", "b closed", "a closed"]


async def test_a_resource_that_does_not_open_stops_the_start_and_is_named(
    pool: Any, events: list[str]
) -> None:
    server = Server(a=pool("a"), b=pool("b", fails="open"))

    answer = await server.tell("startup")
    await server.lifespan.wait()

    assert answer == {
        "type": "lifespan.startup.failed",
        "message": "startup of b: ConnectionError('b')",
    }
    assert events == ["a opened", "a closed"]


async def test_a_resource_that_does_not_close_keeps_no_other_open(
    pool: Any, events: list[str]
) -> None:
    server = Server(a=pool("a"), b=pool("b", fails="close"))
    await server.tell("startup")

    answer = await server.tell("shutdown")

    assert answer == {
        "type": "lifespan.shutdown.failed",
        "message": "shutdown: ConnectionError('b')",
    }
    assert events[-1] == "a closed"


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_everything_else_reaches_the_application_unchanged(
    pool: Any, events: list[str], kind: str
) -> None:
    scope = {"type": kind, "path": "/"}
    client = Communicator(Lifespan(application, a=pool("a")), scope)
    await client.send_input({"type": "anything"})

    assert await client.receive_output() == {
        "type": "seen",
        "scope": scope,
        "received": {"type": "anything"},
    }
    assert events == []


async def test_every_request_finds_the_resource_and_leaves_it_open(
    pool: Any, events: list[str]
) -> None:
    request = AsyncRequestFactory().get("/")
    request.scope["state"] = {"a": "the shared one"}

    for _ in range(2):
        async with resource(request, "a", otherwise=pool("own")) as found:
            assert found == "the shared one"
    assert events == []


@pytest.mark.parametrize(
    "request_", [RequestFactory().get("/"), AsyncRequestFactory().get("/")], ids=["WSGI", "ASGI"]
)
async def test_without_a_lifespan_a_block_has_a_resource_of_its_own(
    pool: Any, events: list[str], request_: Any
) -> None:
    async with resource(request_, "a", otherwise=pool("own")) as found:
        assert (found, events) == ("own", ["own opened"])

    assert events == ["own opened", "own closed"]


async def test_the_resource_of_a_block_is_closed_when_the_block_fails(events: list[str]) -> None:
    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[str]:
        try:
            yield "own"
        finally:
            events.append("closed")

    with pytest.raises(ZeroDivisionError):
        async with resource(RequestFactory().get("/"), "a", otherwise=make):
            raise ZeroDivisionError

    assert events == ["closed"]
