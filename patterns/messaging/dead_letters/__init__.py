"""Dead letters: list them with their reasons, and replay them once the reason is fixed.

Problem
    A message moved by hand arrives without its id and headers. A script that
    acknowledges first loses messages when it dies.

Guarantee
    - `listing` shows each letter's id, reason and retries, and leaves it in place.
    - `replay` returns a letter with its id; its retries count from 0. Properties
      that the broker would act on (`expiration`) are dropped.
    - A letter leaves the dead-letter queue after the broker confirmed its copy.
    - A letter that cannot be decoded is listed; and blocks no other.

Not guaranteed
    Exactly-once: a killed `replay` may leave a letter in both queues.

Cost
    All walk the queue from its head: 10,000 letters take seconds.

Use instead
    The shovel plugin, to move a whole queue. The management page, to look at one.
    (Checked 2026-11.)

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

from collections.abc import Callable

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ..topology.properties import copy_of
from .letter import COUNTERS, DeadLetter, letter
from .walk import taken, wait_until_returned

REQUIRES = ("topology",)
__all__ = ["DeadLetter", "drop", "listing", "replay"]

Chosen = Callable[[DeadLetter], bool]


def listing(
    connection: pika.BlockingConnection, dead: str, *, limit: int | None = 100
) -> list[DeadLetter]:
    """The oldest letters of the queue `dead`, or all. They are in the queue again on return."""
    channel = connection.channel()
    try:
        found = [letter(properties, body) for _, properties, body in taken(channel, dead, limit)]
    finally:
        if channel.is_open:
            channel.close()  # returns what was not acknowledged
    wait_until_returned(connection, dead, len(found))
    return found


def replay(
    connection: pika.BlockingConnection,
    dead: str,
    *,
    to: str,
    chosen: Chosen = lambda letter: True,
    most: int | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> int:
    """Moves the chosen letters to the queue `to`. Returns how many, of those there are now."""

    def send(channel: BlockingChannel, properties: pika.BasicProperties, body: bytes) -> None:
        given = properties.headers or {}
        names = [name for name in given if name not in COUNTERS and "death" not in name]
        headers = {name: given[name] for name in names}
        if "task" in headers:
            headers["retries"] = 0  # Celery's count
        channel.basic_publish("", to, body, copy_of(properties, headers), mandatory=True)

    readable: Chosen = lambda letter: letter.is_readable and chosen(letter)  # noqa: E731
    return _remove(connection, dead, readable, send, most, on_progress)


def drop(connection: pika.BlockingConnection, dead: str, *, chosen: Chosen) -> int:
    """Deletes the chosen letters for good. Returns how many."""
    return _remove(connection, dead, chosen, lambda *_: None, None, lambda count: None)


def _remove(
    connection: pika.BlockingConnection,
    dead: str,
    chosen: Chosen,
    send: Callable[[BlockingChannel, pika.BasicProperties, bytes], None],
    most: int | None,
    on_progress: Callable[[int], None],
) -> int:
    channel = connection.channel()
    channel.confirm_delivery()
    count = 0
    try:
        for method, properties, body in taken(channel, dead, None):
            if not chosen(letter(properties, body)):
                continue
            send(channel, properties, body)
            channel.basic_ack(method.delivery_tag)  # after the confirm
            count += 1
            on_progress(count)
            if count == most:
                break
    finally:
        if channel.is_open:
            channel.close()
    return count
