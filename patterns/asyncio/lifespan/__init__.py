"""Lifespan: what a process opens once, and closes when it stops, in the event loop that uses it.

Problem         A pooled client (HTTP, Redis, …) lives in one event loop. Opened in each request, it pools nothing; opened when a
                module is imported, it has no loop yet, and nobody closes it. ASGI has a place for it; Django does not know it.
Guarantee       Each resource is opened once, before the first request is served, and every request finds it. At shutdown it is
                closed, the last one first, also when another did not open or close. A resource that does not open stops
                the server's start, and the server is told which one it was. All else goes to the application as it came.
                Where there is no lifespan (WSGI, runserver, a test's client), `resource` opens one for the block and closes it.
Not guaranteed  One per process, not one for all: two workers hold two. No reconnecting: that is the resource's own affair.
Cost            Nothing per request but a look into a dict; without a lifespan, one opening per request.
Use instead     django-asgi-lifespan, for signals and middleware around it; Starlette's or FastAPI's own lifespan.

Source: ASGI specification, "Lifespan Protocol" and "Lifespan State".
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

from django.http import HttpRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
T = TypeVar("T")


class Lifespan:
    """An ASGI application around another. `resources`: name → function that makes an async context manager."""

    def __init__(self, application: Application, **resources: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self.application = application
        self.resources = resources

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.application(scope, receive, send)
            return
        await receive()  # lifespan.startup
        phase = "startup"
        try:
            async with AsyncExitStack() as stack:
                for name, make in self.resources.items():
                    phase = f"startup of {name}"
                    scope["state"][name] = await stack.enter_async_context(make())
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()  # lifespan.shutdown
        except Exception as error:
            event = "shutdown" if phase == "shutdown" else "startup"
            await send({"type": f"lifespan.{event}.failed", "message": f"{phase}: {error!r}"})
        else:
            await send({"type": "lifespan.shutdown.complete"})


@contextlib.asynccontextmanager
async def resource(request: HttpRequest, name: str, *, otherwise: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncIterator[T]:
    """The resource that the process shares; where there is none, one that `otherwise` makes, for this block."""
    state = getattr(request, "scope", {}).get("state", {})  # a WSGI request has no scope
    if name in state:
        yield state[name]
    else:
        async with otherwise() as own:
            yield own
