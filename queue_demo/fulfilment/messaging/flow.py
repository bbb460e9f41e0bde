"""Queue depths, read from the broker: ready messages and consumers. Messages in the hands of a consumer are not counted."""

import contextlib
from dataclasses import dataclass

import pika
from pika.exceptions import ChannelClosedByBroker

from fulfilment.messaging import topology

NOT_FOUND = 404
DELAY_LEVELS = 28  # Celery's delayed deliveries: one queue for each bit of a pause's seconds, of all Celery apps on this broker


@dataclass(frozen=True)
class Depth:
    """`consumers` are processes: carriers of the events' queue, workers of the tasks'."""

    ready: int
    consumers: int = 0


@dataclass(frozen=True)
class Depths:
    events: Depth
    tasks: Depth
    events_put_aside: Depth
    tasks_put_aside: Depth
    dead: Depth


def depths(connection: pika.BlockingConnection) -> Depths:
    """Raises pika's errors. A queue that nobody has declared yet is an empty one."""
    queue = topology.events_queue()
    return Depths(
        events=depth(connection, topology.EVENTS),
        tasks=depth(connection, topology.TASKS),
        events_put_aside=depth(connection, *(queue.delay(retry) for retry in range(len(queue.delays_seconds)))),
        tasks_put_aside=depth(connection, *(f"celery_delayed_{level}" for level in range(DELAY_LEVELS))),
        dead=depth(connection, topology.dead(topology.EVENTS), topology.dead(topology.TASKS)),
    )


def depth(connection: pika.BlockingConnection, *queues: str) -> Depth:
    """Of several queues together."""
    ready = consumers = 0
    channel = connection.channel()
    for queue in queues:
        try:
            found = channel.queue_declare(queue, passive=True).method
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
            channel = connection.channel()  # the broker closes the one that asked for a queue that is not there
            continue
        ready, consumers = ready + found.message_count, consumers + found.consumer_count
    with contextlib.suppress(ChannelClosedByBroker):
        channel.close()
    return Depth(ready, consumers)
