"""A simulated payment provider: it accepts payments, and reports the result to the shop's webhook. Plain ASGI.

    POST /payments        {"reference", "amount", "currency"} with an Idempotency-Key: 201 {"id", "status": "pending"}.
                          The same key returns the same payment; with another body, 422.
    GET  /stats           the calls and callbacks since the last reset
    POST /stats/reset     resets the counts, and ends all trouble
    POST /trouble         {"answer": …, "times": 1, "callback": …, "delay_ms": …}: misbehave until the reset

An amount that ends in .13 fails, all others succeed. The callback goes to the setting SHOP_WEBHOOK_URL, never to a URL
from a request: that would let a caller reach the internal network (SSRF). Run one worker: the payments are in its memory.

answer     ok | error (500) | refuse (400) | hang | trickle | malformed | lost (500, but the payment exists); `times`: how often
callback   ok | duplicate | forged | stale | altered | underpaid | none
delay_ms   from the payment to the callback
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from patterns.http.signed_webhook.signature import key_of
from payment_provider.callbacks import Callbacks

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

MAX_BODY_BYTES = 16_384
MAX_PAYMENTS = 10_000  # then the oldest are dropped
PIECES = 600  # of a trickle: 30 s
HANG_SECONDS = 30  # longer than any caller waits, but not forever: the process must be able to stop
FIELDS = {"reference": r"[A-Za-z0-9-]{1,100}", "amount": r"[0-9]{1,13}\.[0-9]{2}", "currency": r"[A-Z]{3}"}

SECRETS = [each for each in os.environ.get("WEBHOOK_SECRETS", "").split(",") if each]
if not SECRETS:
    raise SystemExit("WEBHOOK_SECRETS is missing: without it the shop rejects every callback")
try:
    [key_of(each) for each in SECRETS]
except ValueError as error:
    raise SystemExit(f"WEBHOOK_SECRETS: {error}") from None
callbacks = Callbacks(os.environ.get("SHOP_WEBHOOK_URL", "http://127.0.0.1:8001/api/v1/webhooks/payments/"), SECRETS)
payments: dict[str, dict[str, str]] = {}  # by Idempotency-Key
calls = pieces = 0
trouble: dict[str, Any] = {}


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await callbacks.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    match scope["method"], scope["path"].strip("/"):
        case "GET", "live":
            await respond(send, 200, {"status": "live"})
        case "GET", "stats":
            await respond(send, 200, stats())
        case "POST", "stats/reset":
            await reset()
            await respond(send, 200, stats())
        case "POST", "trouble":
            trouble.update(await body_of(receive))
            await respond(send, 200, trouble)
        case "POST", "payments":
            await take_payment(scope, receive, send)
        case _:
            await respond(send, 404, {"detail": "Not found."})


async def take_payment(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    global calls
    calls += 1
    answer = next_answer()
    key = dict(scope["headers"]).get(b"idempotency-key", b"").decode("latin-1")
    asked = {name: str(value) for name, value in (await body_of(receive)).items() if name in FIELDS}
    if answer in ("error", "hang", "trickle", "malformed"):
        await fail(send, answer)
    elif answer == "refuse" or not key or any(not re.fullmatch(form, asked.get(name, "")) for name, form in FIELDS.items()):
        await respond(send, 400, {"detail": f"Send an Idempotency-Key header and the fields {', '.join(FIELDS)}."})
    elif key in payments and asked.items() - payments[key].items():
        await respond(send, 422, {"detail": "This Idempotency-Key was already used for another payment."})
    else:
        if key not in payments:
            payments[key] = {"id": f"pay_{secrets.token_hex(8)}", **asked}
            if len(payments) > MAX_PAYMENTS:
                del payments[next(iter(payments))]
            callbacks.begin(payments[key], way=trouble.get("callback", "ok"), delay_seconds=trouble.get("delay_ms", 300) / 1000)
        if answer == "lost":
            await fail(send, answer)
        else:
            await respond(send, 201, {"id": payments[key]["id"], "status": "pending"})


def next_answer() -> str:
    if "times" in trouble:
        trouble["times"] -= 1
        if trouble["times"] < 0:
            trouble.pop("times"), trouble.pop("answer", None)
    return str(trouble.get("answer", "ok"))


async def fail(send: Send, answer: str) -> None:
    global pieces
    if answer == "hang":
        await asyncio.sleep(HANG_SECONDS)
    if answer == "trickle":  # a body that never ends, each piece within a client's read timeout
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        for pieces in range(PIECES):  # noqa: B007 — counted for /stats
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b""})
    elif answer == "malformed":
        await respond(send, 201, "<html>Welcome</html>")
    else:
        await respond(send, 500, {"detail": "Internal error."})


async def body_of(receive: Receive) -> dict[str, Any]:
    """The JSON object of the body; empty if it is anything else, or too long."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        if len(body) <= MAX_BODY_BYTES:
            body += message.get("body", b"")
        if not message.get("more_body"):
            break
    with contextlib.suppress(ValueError, RecursionError):
        if len(body) <= MAX_BODY_BYTES and isinstance(parsed := json.loads(bytes(body)), dict):
            return parsed
    return {}


async def reset() -> None:
    global calls, pieces
    calls = pieces = 0
    trouble.clear()
    payments.clear()
    await callbacks.close()


def stats() -> dict[str, int]:
    return {"calls": calls, "pieces": pieces, "payments": len(payments), **callbacks.counts()}


async def respond(send: Send, status: int, body: object) -> None:
    content = json.dumps(body).encode() if isinstance(body, dict) else str(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
