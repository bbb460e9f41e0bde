"""A consumer that neither loses a message, nor is stopped by one.

Problem         `auto_ack` loses what the consumer holds when it dies. `basic_nack(requeue=True)` on an error puts the message
                to the head of the queue: it fails again, at once, for ever, and nobody behind it is served. A handler that
                takes longer than the heartbeat costs the connection, and the message is delivered again while it is still at
                work.
Guarantee       A message is acknowledged after `handle` returned. When it raises, the message is put aside for the next of
                the queue's delays, and those behind it are served; after the last delay, or at once when it raises Hopeless,
                it is in the dead-letter queue, with the reason in its header `x-reason` and its message and correlation id
                kept. Put aside means confirmed by the broker, before the acknowledgement. However long `handle` takes,
                heartbeats are answered and the message is delivered once. When `stop` is set, the handler at work is let
                finish, and if it raises its message goes back to the queue; no other begins. `run` survives outages, and a
                queue that was deleted.
Not guaranteed  One run a message: a consumer killed between the effect and the acknowledgement gets it again; use an inbox.
                Order: what is put aside is overtaken. A handler that outlives its connection goes on while its message is
                redelivered.
Cost            One message at a time (prefetch 1): one round trip each. A retry is two more.
Use instead     Celery, when the work is your own and its messages need not be read by others. kombu's ConsumerMixin for
                several brokers. aio-pika in asynchronous code. RabbitMQ's delayed-retry plugins, where you may install
                plugins.

Sources: pika, "Ensuring well-behaved connection with heartbeat and blocked-connection timeouts"; rabbitmq.com/docs/confirms.
"""

import contextlib
import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ..publisher import CONNECTION_ERRORS, in_one_line
from ..topology import WorkQueue

REQUIRES = ("publisher", "topology")

logger = logging.getLogger(__name__)

RETRIES = "x-retries"  # header: how often the message was put aside
REASON = "x-reason"  # header: what the last try raised

Handle = Callable[[bytes, pika.BasicProperties], None]


class Hopeless(Exception):
    """Raised by a handler: no later try of this message can do better."""


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
    """Consumes until `stop` is set. `handle` is called in a thread of its own, with the body and the properties."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = heartbeat_seconds
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 3
    with ThreadPoolExecutor(1) as pool:
        while not stop.is_set():
            on_turn()
            try:
                connection = pika.BlockingConnection(parameters)
                try:
                    channel = connection.channel()
                    queue.declare(channel)
                    channel.confirm_delivery()
                    consume(channel, queue, lambda *message: pool.submit(handle, *message), stop=stop, on_turn=on_turn)
                finally:
                    with contextlib.suppress(*CONNECTION_ERRORS):
                        connection.close()
            except CONNECTION_ERRORS as error:
                logger.warning("outage: %s", in_one_line(error))
                stop.wait(outage_seconds)


def consume(
    channel: BlockingChannel,
    queue: WorkQueue,
    begin: Callable[[bytes, pika.BasicProperties], "Future[None]"],
    *,
    stop: threading.Event,
    on_turn: Callable[[], None],
) -> None:
    channel.basic_qos(prefetch_count=1)
    for method, properties, body in channel.consume(queue.name, inactivity_timeout=0.2):
        on_turn()
        if stop.is_set():
            return  # what was not begun goes back to the queue with the connection's end
        if method is None:
            continue
        handling = begin(body, properties)
        handling.add_done_callback(functools.partial(wake, channel.connection))
        while not handling.done():
            channel.connection.process_data_events(time_limit=0.2)  # answers heartbeats, until the handler wakes us
            on_turn()
        if (error := handling.exception()) is not None:
            if stop.is_set():
                return  # the handler may have given up because of us: the message goes back, untried
            put_aside(channel, queue, body, properties, error)
        channel.basic_ack(method.delivery_tag)


def wake(connection: pika.BlockingConnection, _: object) -> None:
    """From the handler's thread: the connection's own may be waiting for the broker, who has nothing to say."""
    with contextlib.suppress(*CONNECTION_ERRORS):
        connection.add_callback_threadsafe(lambda: None)


def put_aside(channel: BlockingChannel, queue: WorkQueue, body: bytes, properties: pika.BasicProperties, error: BaseException) -> None:
    """To the next delay, or to the dead letters. Returns when the broker has it: only then may the original be acknowledged."""
    headers = dict(properties.headers or {})
    retries = headers.get(RETRIES)
    retries = max(retries, 0) if isinstance(retries, int) else 0  # anybody may send us a header
    is_over = isinstance(error, Hopeless) or retries >= len(queue.delays_seconds)
    to = queue.dead if is_over else queue.delay(retries)
    properties.headers = headers | {RETRIES: retries + (not is_over), REASON: in_one_line(error)}
    properties.delivery_mode = pika.DeliveryMode.Persistent.value
    channel.basic_publish("", to, body, properties, mandatory=True)
    logger.warning("message %s to %s: %s", properties.message_id, to, properties.headers[REASON])
