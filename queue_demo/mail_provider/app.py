"""A stand-in for a mail provider: accepts emails over SMTP, keeps them, and lists them over HTTP.

    GET  /                the mails, the latest first: [{"message_id", "to", "subject", "request_id", "attachments"}]
    GET  /stats           {"mails", "message_ids", "refused", "is_on"}: mails − message_ids were sent twice
    POST /off             closes the SMTP port: connections are refused, as when the server is down
    POST /on              opens it again
    POST /trouble         {"answer": "451 Come back later"} is the answer to each mail until the next /trouble or /reset; {} ends it
    POST /reset           forgets all mails, and opens the port

Mails to nobody@… are refused for ever (550). Nothing leaves this process. Run it in one worker: its memory is its own.
SMTP_URL says where it listens for SMTP: smtp://host:port.
"""

import asyncio
import email
import json
import os
from collections import deque
from collections.abc import Awaitable, Callable
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

KEPT = 10_000  # headers only; the oldest are forgotten
MAX_MAIL_BYTES = 5_000_000
ADDRESS = urlsplit(os.environ.get("SMTP_URL", "smtp://127.0.0.1:8064"))

mails: deque[dict[str, Any]] = deque(maxlen=KEPT)
refused = 0
trouble = ""
server: asyncio.Server | None = None


class Handler:
    """What aiosmtpd asks; a returned line is the answer."""

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        global refused
        if address.startswith("nobody@"):
            refused += 1
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if trouble:
            return trouble
        mails.appendleft(summary(email.message_from_bytes(envelope.content or b""), envelope.rcpt_tos))  # type: ignore[arg-type]
        return "250 OK"


def summary(message: Message, recipients: list[str]) -> dict[str, Any]:
    return {
        "message_id": message["Message-ID"],
        "to": recipients,
        "subject": message["Subject"],
        "request_id": message["X-Request-ID"],
        "attachments": [
            {"name": part.get_filename(), "bytes": len(part.get_payload(decode=True) or b"")}
            for part in message.walk()
            if part.get_filename()
        ],
    }


async def listen() -> None:
    global server
    if server is None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Handler(), data_size_limit=MAX_MAIL_BYTES, hostname="mail.example"), ADDRESS.hostname, ADDRESS.port or 25
        )


async def close() -> None:
    global server
    if server is not None:
        server.close()
        server = None


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    global refused, trouble
    if scope["type"] == "lifespan":
        await receive()
        await listen()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    match scope["method"], scope["path"].strip("/"):
        case "GET", "":
            return await respond(send, 200, list(mails))
        case "GET", "live" | "stats":
            pass
        case "POST", "off":
            await close()
        case "POST", "on":
            await listen()
        case "POST", "trouble":
            trouble = str((await body_of(receive)).get("answer", ""))
        case "POST", "reset":
            mails.clear()
            refused, trouble = 0, ""
            await listen()
        case _:
            return await respond(send, 404, {"detail": "not found"})
    await respond(send, 200, stats())


def stats() -> dict[str, int | bool]:
    ids = {mail["message_id"] for mail in mails}
    return {"mails": len(mails), "message_ids": len(ids), "refused": refused, "is_on": server is not None and not trouble}


async def body_of(receive: Receive) -> dict[str, Any]:
    message = await receive()
    try:
        parsed = json.loads(message.get("body", b""))
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


async def respond(send: Send, status: int, body: object) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
