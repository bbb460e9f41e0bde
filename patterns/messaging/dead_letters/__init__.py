"""Dead letters: list them with their reasons, and replay them once the reason is fixed.

Problem
    A dead-letter queue that nobody can read loses messages slowly. A message moved by
    hand arrives without its id and headers. A script that acknowledges before it
    publishes loses what it holds when it dies.

Guarantee
    - `listing` shows each letter's id, reason and retries, and leaves it in place.
    - `replay` returns a letter with its id and properties; its retries count from 0.
    - A letter leaves the dead-letter queue after the broker confirmed its copy.

Not guaranteed
    Exactly-once delivery: a killed `replay` may leave the letter in both queues.
    Consumers must be idempotent (see inbox). Order: a replayed message is late.

Cost
    Both walk the queue from its head: for hundreds of letters, not for a million.

Use instead
    The shovel plugin, to move a whole queue. "Get messages" on the management page, to
    look at one. (Checked 2026-11.)

Source: rabbitmq.com/docs/dlx.

Use
    # your code
    import pika
    from django.conf import settings
    from patterns.messaging.dead_letters import listing, replay

    def replay_all(dead="billing.orders.dead", to="billing.orders"):
        url = pika.URLParameters(settings.RABBITMQ_URL)
        with pika.BlockingConnection(url) as connection:
            for letter in listing(connection, dead):
                print(letter.message_id, letter.reason)
            return replay(connection, dead, to=to)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ..topology import REASON, RETRIES

REQUIRES = ("topology",)


@dataclass(frozen=True)
class DeadLetter:
    """`reason` is the last error, or the broker's: delivery_limit, rejected, expired, maxlen."""

    message_id: str
    reason: str
    retries: int
    correlation_id: str
    body: bytes
    headers: Mapping[str, Any] = field(default_factory=dict, compare=False)


def listing(
    connection: pika.BlockingConnection, dead: str, *, limit: int = 100
) -> list[DeadLetter]:
    """The oldest letters of the queue `dead`. They are back when it returns."""
    channel = connection.channel()
    try:
        return [letter(properties, body) for _, properties, body in taken(channel, dead, limit)]
    finally:
        if channel.is_open:
            channel.close()  # returns what was not acknowledged


def replay(
    connection: pika.BlockingConnection,
    dead: str,
    *,
    to: str,
    chosen: Callable[[DeadLetter], bool] = lambda letter: True,
    limit: int = 1_000,
) -> int:
    """Moves the chosen ones of the oldest letters to the queue `to`. Returns how many."""
    channel = connection.channel()
    channel.confirm_delivery()
    count = 0
    try:
        for method, properties, body in taken(channel, dead, limit):
            if not chosen(letter(properties, body)):
                continue
            properties.headers = {
                name: value
                for name, value in (properties.headers or {}).items()
                if name not in (RETRIES, REASON) and "death" not in name
            }
            channel.basic_publish("", to, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag)  # after the confirm
            count += 1
    finally:
        if channel.is_open:
            channel.close()
    return count


def taken(
    channel: BlockingChannel, dead: str, limit: int
) -> Iterator[tuple[Any, pika.BasicProperties, bytes]]:
    for _ in range(limit):
        method, properties, body = channel.basic_get(dead)
        if method is None:
            return
        yield method, properties, body


def letter(properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    deaths = headers.get("x-death") or [{}]  # the last one first; a delay is one, too
    reason = headers.get(REASON) or deaths[0].get("reason", "")
    retries = headers.get(RETRIES)
    return DeadLetter(
        message_id=str(properties.message_id or headers.get("id", "")),  # Celery's is a header
        reason=str(reason),
        retries=retries if isinstance(retries, int) else 0,
        correlation_id=str(properties.correlation_id or ""),
        body=body,
        headers=headers,
    )
