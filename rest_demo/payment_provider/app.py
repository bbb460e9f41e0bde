"""Other people's service: takes payments, and calls the shop back when the money has come, or has not. Plain ASGI: a stand-in.

    POST /payments        {"reference", "amount", "currency"} with an Idempotency-Key: 201 {"id", "status": "pending"}.
                          The same key is answered with the same payment, and with another body by 422.
    GET  /stats           what was asked for and called since the last reset
    POST /stats/reset     … and no more trouble
    POST /trouble         {"answer": …, "times": 1, "callback": …, "delay_ms": …} until the reset

An amount that ends in .13 fails, all others succeed. The callback's address is the setting SHOP_WEBHOOK_URL; one that a caller names
is not looked at: who may choose an address makes this process call into its own network. Run it in one worker: its memory is its own.

answer     ok | error (500) | refuse (400) | hang | trickle | rubbish | lost (500, and the payment is made); `times`: how often
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
MAX_PAYMENTS = 10_000  # the oldest are forgotten: it is a stand-in, and its memory is small
PIECES = 600  # of a trickle: 30 s of them
HANG_SECONDS = 30  # far beyond any caller's patience, and an end all the same: a process that waits for ever cannot be stopped
FIELDS = {"reference": r"[A-Za-z0-9-]{1,100}", "amount": r"[0-9]{1,13}\.[0-9]{2}", "currency": r"[A-Z]{3}"}

SECRETS = [each for each in os.environ.get("WEBHOOK_SECRETS", "").split(",") if each]
if not SECRETS:
    raise SystemExit("WEBHOOK_SECRETS is missing: the shop would believe no callback")
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
            await respond(send, 404, {"detail": "not found"})


async def take_payment(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    global calls
    calls += 1
    answer = next_answer()
    key = dict(scope["headers"]).get(b"idempotency-key", b"").decode("latin-1")
    asked = {name: str(value) for name, value in (await body_of(receive)).items() if name in FIELDS}
    if answer in ("error", "hang", "trickle", "rubbish"):
        await fail(send, answer)
    elif answer == "refuse" or not key or any(not re.fullmatch(form, asked.get(name, "")) for name, form in FIELDS.items()):
        await respond(send, 400, {"detail": f"an Idempotency-Key is required, and {', '.join(FIELDS)}"})
    elif key in payments and asked.items() - payments[key].items():
        await respond(send, 422, {"detail": "this Idempotency-Key was used for another payment"})
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
    if answer == "trickle":  # a body that goes on and on, each piece well inside a client's read timeout
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        for pieces in range(PIECES):  # noqa: B007 — counted for /stats
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b""})
    elif answer == "rubbish":
        await respond(send, 201, "<html>Welcome</html>")
    else:
        await respond(send, 500, {"detail": "our database is down"})


async def body_of(receive: Receive) -> dict[str, Any]:
    """The body's JSON object; empty when it is something else, or too long."""
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
