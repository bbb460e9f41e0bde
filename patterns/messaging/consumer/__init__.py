"""AMQP consumer: delayed retries, dead letters, and heartbeats during slow handlers.

Problem
    `auto_ack` loses messages when a consumer dies. A requeued message blocks all
    others. A slow handler loses the connection.

Guarantee
    - A message is acknowledged after `handle` returned.
    - If it raises, the message waits in a delay queue; others are served.
    - After the last delay, or on Hopeless, it is dead-lettered with the error.
    - Tries during an outage do not count, for six hours.
    - Heartbeats continue however long `handle` takes.
    - After `stop` the handler finishes; if it raises, its message is requeued.
    - `run` survives outages, deleted queues and database restarts. `on_turn` stops
      when it cannot (406).

Not guaranteed
    Exactly-once (see inbox). Order.

Cost
    One round trip per message, two more per retry.

Use instead
    Celery, if both ends are yours. FastStream, in asyncio. (Checked 2026-11.)

Source: pika, heartbeat example.

Use
    # your code
    from django.conf import settings
    from patterns.messaging.consumer import run
    from patterns.messaging.topology import WorkQueue

    def handle(body, properties):
        print(properties.message_id, body)  # raise Hopeless if no retry can help

    def consume_until(stop):
        queue = WorkQueue("billing.orders", "shop.events", ["order.placed"])
        run(settings.RABBITMQ_URL, queue, handle, stop=stop)
"""

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pika
from django.db import connections
from pika.adapters.blocking_connection import BlockingChannel

from ..publisher import CONNECTION_ERRORS
from ..topology import WorkQueue
from ..topology.properties import unreadable
from .handling import Handle, in_thread, wake
from .retries import Hopeless, put_aside

REQUIRES = ("publisher", "topology")
__all__ = ["Hopeless", "run"]

logger = logging.getLogger(__name__)

PRECONDITION_FAILED = "ChannelClosedByBroker: (406)"
DECLARED_SECONDS = 10  # what an operator removed is declared again within that time


def run(
    url: str,
    queue: WorkQueue,
    handle: Handle,
    *,
    stop: threading.Event,
    on_turn: Callable[[], None] = lambda: None,
    heartbeat_seconds: int = 10,
    outage_seconds: float = 1,
) -> None:
    """Consumes until `stop` is set. `handle` runs in a thread of its own."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = heartbeat_seconds
    parameters.socket_timeout = parameters.stack_timeout = 3
    parameters.blocked_connection_timeout = 3
    outage = ""
    with ThreadPoolExecutor(1) as pool:
        while not stop.is_set():
            if PRECONDITION_FAILED not in outage:  # a queue has other arguments: not healthy
                on_turn()
            try:
                connection = pika.BlockingConnection(parameters)
                try:
                    channel = connection.channel()
                    queue.declare(channel)
                    channel.confirm_delivery()
                    outage = ""
                    consume(
                        channel,
                        queue,
                        lambda *message: pool.submit(in_thread, handle, *message),
                        stop=stop,
                        on_turn=on_turn,
                    )
                finally:
                    with contextlib.suppress(*CONNECTION_ERRORS):
                        connection.close()
            except CONNECTION_ERRORS as error:
                if outage != (outage := repr(error)[:200]):
                    logger.warning("outage: %s", outage)
                stop.wait(outage_seconds)
        pool.submit(connections.close_all)


def consume(
    channel: BlockingChannel,
    queue: WorkQueue,
    begin: Callable[[bytes, pika.BasicProperties], "Future[None]"],
    *,
    stop: threading.Event,
    on_turn: Callable[[], None],
) -> None:
    declared_at = time.monotonic()
    channel.basic_qos(prefetch_count=1)
    for method, properties, body in channel.consume(queue.name, inactivity_timeout=0.2):
        on_turn()
        if stop.is_set():
            return  # the connection's end requeues what was not acknowledged
        if time.monotonic() > declared_at + DECLARED_SECONDS:
            declared_at = time.monotonic()
            queue.declare(channel)
        if method is None:
            continue
        if unreadable(properties):
            channel.basic_reject(method.delivery_tag, requeue=False)  # dead-lettered, unchanged
            continue
        handling = begin(body, properties)
        handling.add_done_callback(functools.partial(wake, channel.connection))
        while not handling.done():
            channel.connection.process_data_events(time_limit=0.2)  # answers heartbeats
            on_turn()
        if (error := handling.exception()) is not None:
            if stop.is_set():
                return  # it may have given up because of the stop: requeued, without a retry
            put_aside(channel, queue, body, properties, error)
        channel.basic_ack(method.delivery_tag)
