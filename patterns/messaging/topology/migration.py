"""Gives existing queues other arguments, and keeps their messages.

RabbitMQ answers 406 to a declaration with other arguments. Stop the consumers of the queue, then
call `migrate`; publishers may go on. A message that arrives meanwhile may be delivered twice.
"""

import logging
from collections.abc import Sequence
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from . import KEPT, WorkQueue
from .properties import copy_of

logger = logging.getLogger(__name__)

NOT_FOUND, PRECONDITION_FAILED = 404, 406
Bindings = Sequence[tuple[str, str]]  # exchange, routing key


class StillConsumed(Exception):
    """A consumer holds messages of the queue. They would be lost with it."""


def migrate_work_queue(connection: pika.BlockingConnection, queue: WorkQueue) -> int:
    """The work queue with its delays and dead letters. Returns how many messages were moved."""
    bindings = [(queue.exchange, key) for key in queue.routing_keys]
    moved = 0
    for name, arguments in queue.queues().items():  # the work queue is the last
        if name == queue.name:
            moved += migrate(connection, name, arguments, bindings)
        elif name == queue.dead:
            moved += migrate(connection, name, arguments)
        else:  # tried again at once: its delay may end while the work queue is missing
            moved += migrate(connection, name, arguments, to=queue.name)
    return moved


def migrate(
    connection: pika.BlockingConnection,
    name: str,
    arguments: dict[str, Any],
    bindings: Bindings = (),
    *,
    to: str = "",
) -> int:
    """Replaces the queue if it has other arguments. Killed, it can be called again.

    `bindings` are the queue's: meanwhile they lead to a queue that keeps what is published. The
    messages come back to the queue `to`, by default the new one. Returns how many.
    """
    shelter = f"{name}.migration"
    is_refused = refusal(connection, name, arguments=arguments) == PRECONDITION_FAILED
    if not is_refused and refusal(connection, shelter, passive=True) == NOT_FOUND:
        return 0
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(shelter, durable=True, arguments=KEPT)
    for exchange, key in bindings:
        channel.queue_bind(shelter, exchange, key)
    if is_refused:
        if consumers := channel.queue_declare(name, passive=True).method.consumer_count:
            raise StillConsumed(f"{name} has {consumers} consumers: stop them first")
        logger.info("moved %d messages of %s to %s", move(channel, name, shelter), name, shelter)
        channel.queue_delete(name)  # what arrived since then is in the shelter, too
    channel.queue_declare(name, durable=True, arguments=arguments)
    for exchange, key in bindings:
        channel.queue_bind(name, exchange, key)
        channel.queue_unbind(shelter, exchange, key)
    count = move(channel, shelter, to or name)
    channel.queue_delete(shelter)
    channel.close()
    return count


def move(channel: BlockingChannel, source: str, to: str) -> int:
    """Each message leaves when the broker has confirmed its copy."""
    count = 0
    while (message := channel.basic_get(source))[0] is not None:
        method, properties, body = message
        copy = copy_of(properties, dict(properties.headers or {}))
        channel.basic_publish("", to, body, copy, mandatory=True)
        channel.basic_ack(method.delivery_tag)
        count += 1
    return count


def refusal(connection: pika.BlockingConnection, name: str, **options: Any) -> int:
    """The code with which the broker refuses the declaration; 0 if it does not."""
    channel = connection.channel()  # the broker closes it with the error
    try:
        channel.queue_declare(name, durable=True, **options)
    except ChannelClosedByBroker as error:
        return int(error.reply_code)
    channel.close()
    return 0
