"""One dead letter, read from a message of any shape."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pika

from ..topology import OUTAGE_SINCE, REASON, RETRIES
from ..topology.properties import unreadable

COUNTERS = (RETRIES, REASON, OUTAGE_SINCE, "outage")  # headers that tell of earlier tries


@dataclass(frozen=True)
class DeadLetter:
    """`reason` is the last error, or the broker's: delivery_limit, rejected, expired, maxlen.

    A letter without an id gets one from its content. `is_readable` is False if its properties
    cannot be decoded: it cannot be replayed.
    """

    message_id: str
    reason: str
    retries: int
    correlation_id: str
    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict, compare=False)
    is_readable: bool = True


def letter(properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    deaths = headers.get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths else {}  # a delay is one, too
    why = unreadable(properties)
    reason = f"cannot be decoded: {why}" if why else headers.get(REASON)
    message_id = properties.message_id or headers.get("id")  # Celery's is a header
    retries = headers.get(RETRIES)
    return DeadLetter(
        message_id=str(message_id or f"content-{hashlib.sha256(body).hexdigest()[:16]}"),
        reason=str(reason or (last.get("reason", "") if isinstance(last, dict) else "")),
        retries=retries if isinstance(retries, int) else 0,
        correlation_id=str(properties.correlation_id or ""),
        body=body,
        headers=headers,
        is_readable=not why,
    )
