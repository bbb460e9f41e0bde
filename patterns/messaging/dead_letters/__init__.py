"""Dead letters that somebody reads: list them with their reasons, and send them again when the reason is gone.

Problem         A dead-letter queue that nobody can look into is a slower way to lose messages. Moved by hand, half a message
                (without its id, its headers) is worse than none, and a script that takes before it has put loses what it
                holds when it dies.
Guarantee       `listing` shows each letter's id, reason and tries, and leaves all of them where they are. `replay` puts a
                letter back to its queue, with its id and all properties, and takes it from the dead letters when the broker
                has confirmed that; its retries count from 0 again.
Not guaranteed  Once: killed between the two, `replay` has put the letter back and left it here as well. Consumers know it by
                its id. Order: a replayed message is a late one. That a message which is a dead letter for good reasons now
                succeeds.
Cost            Both walk through the queue from its head: they are for hundreds of letters, not for a million.
Use instead     RabbitMQ's shovel plugin to move a whole queue; the management page's "Get messages" to look at one.

Source: rabbitmq.com/docs/dlx, "Effects of dead-lettering on messages".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

RETRIES = "x-retries"
REASON = "x-reason"
REQUEST_ID = "request_id"  # header: Celery's correlation id is the task's own, and a header is where the request's has room


@dataclass(frozen=True)
class DeadLetter:
    """`reason` is what the last try raised, or why the broker gave it up: delivery_limit, rejected, expired, maxlen."""

    message_id: str
    reason: str
    retries: int
    correlation_id: str
    body: bytes


def listing(connection: pika.BlockingConnection, dead: str, *, limit: int = 100) -> list[DeadLetter]:
    """The oldest letters of the queue `dead`. They are back when it returns."""
    channel = connection.channel()
    try:
        return [letter(properties, body) for _, properties, body in taken(channel, dead, limit)]
    finally:
        if channel.is_open:
            channel.close()  # gives back what was not acknowledged


def replay(
    connection: pika.BlockingConnection,
    dead: str,
    *,
    to: str,
    chosen: Callable[[DeadLetter], bool] = lambda letter: True,
    limit: int = 1_000,
) -> int:
    """Puts the chosen ones of the oldest letters into the queue `to`. Returns how many; raises pika's errors."""
    channel = connection.channel()
    channel.confirm_delivery()
    count = 0
    try:
        for method, properties, body in taken(channel, dead, limit):
            if not chosen(letter(properties, body)):
                continue
            headers = dict(properties.headers or {})
            properties.headers = {name: value for name, value in headers.items() if name not in (RETRIES, REASON) and "death" not in name}
            channel.basic_publish("", to, body, properties, mandatory=True)
            channel.basic_ack(method.delivery_tag)  # after the confirm
            count += 1
    finally:
        if channel.is_open:
            channel.close()
    return count


def taken(channel: BlockingChannel, dead: str, limit: int) -> Iterator[tuple[Any, pika.BasicProperties, bytes]]:
    for _ in range(limit):
        method, properties, body = channel.basic_get(dead)
        if method is None:
            return
        yield method, properties, body


def letter(properties: pika.BasicProperties, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    deaths = headers.get("x-death") or [{}]  # the last one first; a pause in a delay queue is one, too
    reason = headers.get(REASON) or deaths[0].get("reason", "")
    retries = headers.get(RETRIES)
    retries = retries if isinstance(retries, int) else 0
    message_id = properties.message_id or headers.get("id", "")  # Celery's id is a header
    request_id = headers.get(REQUEST_ID) or properties.correlation_id or ""
    return DeadLetter(str(message_id), str(reason), retries, str(request_id), body)
