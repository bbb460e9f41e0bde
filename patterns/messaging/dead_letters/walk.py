"""Walks a queue from its head, and leaves in place what is not acknowledged."""

import time
from collections.abc import Iterator
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

MOST_PREFETCHED = 65_535
OTHERS_HAVE_IT_SECONDS = 0.5  # without a letter for that long, others look at the rest


def taken(
    channel: BlockingChannel, dead: str, limit: int | None
) -> Iterator[tuple[Any, pika.BasicProperties, bytes]]:
    """Those that wait now: one that dies again meanwhile is not among them."""
    waiting = channel.queue_declare(dead, passive=True).method.message_count
    wanted = waiting if limit is None else min(limit, waiting)
    if not wanted:
        return
    channel.basic_qos(prefetch_count=wanted if wanted <= MOST_PREFETCHED else 0)
    for method, properties, body in channel.consume(
        dead, inactivity_timeout=OTHERS_HAVE_IT_SECONDS
    ):
        if method is None:
            return
        yield method, properties, body
        if (wanted := wanted - 1) == 0:
            return


def wait_until_returned(connection: pika.BlockingConnection, dead: str, count: int) -> None:
    """A quorum queue returns them after the channel's close was confirmed."""
    channel = connection.channel()
    deadline = time.monotonic() + OTHERS_HAVE_IT_SECONDS
    while time.monotonic() < deadline:
        if channel.queue_declare(dead, passive=True).method.message_count >= count:
            break
        connection.sleep(0.005)
    channel.close()
