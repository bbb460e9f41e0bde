"""Lifespan: resources that a process opens at start and closes at stop.

Problem
    A pooled client belongs to one event loop. Opened per request, it pools nothing.
    Opened on import, it has no loop and is never closed.

Guarantee
    - Each resource opens once, before the first request; every request finds it.
    - They close in reverse order, even if one fails to close.
    - One that fails to open stops the server's start and is named.
    - Everything else reaches the application unchanged.
    - Without a lifespan (WSGI, tests) `resource` opens one for a block.

Not guaranteed
    One per host: each worker has its own. Reconnecting.

Cost
    A dict look-up per request.

Use instead
    django-asgi-lifespan, for signals. (Checked 2026-11.)

Source: ASGI specification, "Lifespan Protocol" and "Lifespan State".

Use
    # your code
    import httpx
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from patterns.asyncio.lifespan import Lifespan, resource

    application = Lifespan(get_asgi_application(), http=httpx.AsyncClient)  # asgi.py

    async def view(request):  # views.py
        async with resource(request, "http", otherwise=httpx.AsyncClient) as client:
            return HttpResponse((await client.get("http://127.0.0.1/")).content)
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
    """An ASGI application around another. `resources`: functions that make a context manager."""

    def __init__(
        self,
        application: Application,
        **resources: Callable[[], AbstractAsyncContextManager[Any]],
    ) -> None:
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
async def resource(
    request: HttpRequest, name: str, *, otherwise: Callable[[], AbstractAsyncContextManager[T]]
) -> AsyncIterator[T]:
    """The resource of this process; without one, what `otherwise` makes, for this block."""
    state = getattr(request, "scope", {}).get("state", {})  # a WSGI request has no scope
    if name in state:
        yield state[name]
    else:
        async with otherwise() as own:
            yield own
