"""The provider's webhooks: one signed call per event, retried until the shop answers 2xx or the last attempt fails."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from patterns.http.signed_webhook.signature import sign

RETRY_DELAYS_SECONDS = (0.5, 1, 2, 4, 8, 16, 32)  # enough for a restart of the shop; a real provider retries for days
TIMEOUT_SECONDS = 10
MAX_PENDING = 1_000  # a long outage of the shop must not fill the memory
AN_HOUR = 3600


class Callbacks:
    """Calls one URL only: redirects are not followed."""

    def __init__(self, url: str, keys: Sequence[str]) -> None:
        self.url, self.keys = url, keys
        self.tasks: set[asyncio.Task[None]] = set()
        self.client: httpx.AsyncClient | None = None
        self.forget()

    def forget(self) -> None:
        self.attempts = self.delivered = self.given_up = self.refused = 0

    def counts(self) -> dict[str, int]:
        done = {"attempts": self.attempts, "delivered": self.delivered, "refused": self.refused, "given_up": self.given_up}
        return done | {"pending": len(self.tasks)}

    def begin(self, payment: dict[str, str], *, way: str, delay_seconds: float) -> None:
        if way == "none" or len(self.tasks) >= MAX_PENDING:
            return
        task = asyncio.create_task(self.tell(payment, way, delay_seconds))
        self.tasks.add(task)  # the event loop keeps only weak references
        task.add_done_callback(self.tasks.discard)

    async def tell(self, payment: dict[str, str], way: str, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        event_id = f"evt_{secrets.token_hex(8)}"
        body = event(payment, amount="0.01" if way == "underpaid" else payment["amount"])
        for pause in (*RETRY_DELAYS_SECONDS, None):
            if await self.call(event_id, body, way):
                self.delivered += 1
                break
            if pause is None:
                self.given_up += 1
            else:
                await asyncio.sleep(pause)
        if way == "duplicate":
            await self.call(event_id, body, way)

    async def call(self, event_id: str, body: bytes, way: str) -> bool:
        """One attempt, signed with its own time. True if the shop answers 2xx."""
        keys = ["a secret that the shop does not have"] if way == "forged" else self.keys
        headers = sign(body, event_id=event_id, now=time.time() - (AN_HOUR if way == "stale" else 0), secrets=keys)
        sent = body.replace(b'"amount":"', b'"amount":"9') if way == "altered" else body
        # as the proxy in front of the shop does: with HTTPS=1 the shop redirects plain HTTP
        headers |= {"Content-Type": "application/json", "X-Forwarded-Proto": "https"}
        self.client = self.client or httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, verify=self.url.startswith("https:"))
        self.attempts += 1
        try:
            response = await self.client.post(self.url, content=sent, headers=headers)
        except httpx.HTTPError:
            return False
        self.refused += response.status_code in (400, 401, 413, 415)
        return response.is_success

    async def close(self) -> None:
        """Cancels pending calls and resets the counts."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.client is not None:
            with contextlib.suppress(httpx.HTTPError):
                await self.client.aclose()
        self.client = None
        self.forget()


def event(payment: dict[str, str], *, amount: str) -> bytes:
    kind = "payment.failed" if payment["amount"].endswith(".13") else "payment.succeeded"
    data = {"payment": payment["id"], "reference": payment["reference"], "amount": amount, "currency": payment["currency"]}
    # without spaces, as most providers do: re-serialised by Python, the text would differ
    return json.dumps({"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": data}, separators=(",", ":")).encode()
