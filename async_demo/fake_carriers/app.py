"""Simulates five carriers, each with its own prices and its own latency. Plain ASGI.

    GET  /<carrier>/rate?postcode=…&weight_grams=…   {"price": "6.40", "currency": "EUR", "days": 2}
    GET  /stats                                      what all carriers counted since the last reset
    POST /stats/reset

A caller can ask for a fault: `delay_ms=5000`, `answer=error|malformed|hang|trickle|flood`. Run it in one worker: the counts are its own.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

# carrier: latency in ms, price of a parcel and of each kilogram in cents, days. The cheap ones think longer.
CARRIERS = {
    "brisk": (60, 990, 90, 1),
    "harbour": (75, 790, 60, 2),
    "northway": (90, 690, 50, 2),
    "snail": (120, 390, 40, 5),
    "swift": (105, 590, 45, 3),
}
LONGEST_MS = 30_000  # far beyond any caller's patience, and an end all the same: a process that waits for ever cannot be stopped
SPACES = b" " * 65_536  # JSON may begin with any number of them


class Stats:
    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forgets all but the calls that are still waiting."""
        self.calls = self.cookies = self.slowest_ms = 0
        self.most_in_flight = self.in_flight
        self.connections: set[tuple[str, int]] = set()

    def begin(self, scope: dict[str, Any]) -> None:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.connections.add(tuple(scope["client"]))  # a new connection comes from a new port
        self.cookies += any(name == b"cookie" for name, _ in scope["headers"])

    def shown(self) -> dict[str, int]:
        return {**vars(self), "connections": len(self.connections)}


stats = Stats()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    match scope["method"], scope["path"].strip("/").split("/"):
        case "GET", ["live"]:
            await respond(send, 200, {"status": "live"})
        case "GET", ["stats"]:
            await respond(send, 200, stats.shown())
        case "POST", ["stats", "reset"]:
            stats.reset()
            await respond(send, 200, stats.shown())
        case "GET", [carrier, "rate"] if carrier in CARRIERS:
            await while_the_caller_waits(rate(scope, send, carrier), receive)
        case _:
            await respond(send, 404, {"detail": "not found"})


async def rate(scope: dict[str, Any], send: Send, carrier: str) -> None:
    latency_ms, parcel_cents, kilogram_cents, days = CARRIERS[carrier]
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    try:
        kilograms = -(-int(query["weight_grams"]) // 1000)
        delay_ms = min(int(query.get("delay_ms", latency_ms)), LONGEST_MS)
    except (KeyError, ValueError):
        await respond(send, 400, {"detail": "weight_grams and delay_ms must be whole numbers"})
        return
    started = time.monotonic()
    stats.begin(scope)
    try:
        await asyncio.sleep((LONGEST_MS if query.get("answer") == "hang" else delay_ms) / 1000)
        if query.get("answer") in ("trickle", "flood"):
            await send_spaces(send, SPACES if query["answer"] == "flood" else b" ")
            return
    finally:  # before the answer goes out: the caller's next call may be here before this one is over
        stats.in_flight -= 1
        stats.slowest_ms = max(stats.slowest_ms, round((time.monotonic() - started) * 1000))
    cents = parcel_cents + kilograms * kilogram_cents
    price = f"{cents // 100}.{cents % 100:02d}"
    match query.get("answer"):
        case "error":
            await respond(send, 500, {"detail": "our database is down"})
        case "malformed":
            await respond(send, 200, "<html>Welcome</html>")
        case _:
            await respond(send, 200, {"price": price, "currency": "EUR", "days": days})


async def send_spaces(send: Send, spaces: bytes) -> None:
    """A body that goes on and on, each piece well inside a client's read timeout."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    pause_ms = 50
    for _ in range(LONGEST_MS // pause_ms):
        await send({"type": "http.response.body", "body": spaces, "more_body": True})
        await asyncio.sleep(pause_ms / 1000)
    await send({"type": "http.response.body", "body": b""})


async def while_the_caller_waits(work: Awaitable[None], receive: Receive) -> None:
    """Stops the work when the caller hangs up, so that `in_flight` counts callers, not leftovers."""

    async def hung_up() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(work), asyncio.create_task(hung_up())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if not tasks[0].cancelled():
        tasks[0].result()  # an error of the work's own


async def respond(send: Send, status: int, body: object) -> None:
    content = json.dumps(body).encode() if isinstance(body, dict) else str(body).encode()
    # a cookie, as load balancers set it without being asked
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), (b"set-cookie", b"node=1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
