"""Reads order.placed from its queue and hands each to Celery. Acknowledged only when Celery's broker has confirmed the task."""

import contextlib
import logging
import threading
from collections.abc import Callable

import pika
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from pika.adapters.blocking_connection import BlockingChannel

from fulfilment import topology
from fulfilment.events import SOURCE, Malformed, OrderPlaced, parse_order_placed
from fulfilment.tasks import fulfil_order
from patterns.outbox.relay import backoff_seconds
from patterns.publisher import CONNECTION_ERRORS, in_one_line

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30  # longer than Celery's publish may take, which blocks pika's heartbeats meanwhile
BACKOFF_CAP_SECONDS = 2


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Consumes until `stop` is set, through outages of the broker."""
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.socket_timeout = parameters.stack_timeout = 3
    failures = 0
    while not stop.is_set():
        on_turn()
        try:
            connection = pika.BlockingConnection(parameters)
            try:
                channel = connection.channel()
                topology.declare_events(channel)
                logger.info("consuming %s", topology.EVENTS)
                failures = 0
                consume(channel, stop=stop, on_turn=on_turn)
            finally:
                with contextlib.suppress(*CONNECTION_ERRORS):
                    connection.close()
        except CONNECTION_ERRORS as error:
            if not failures:
                logger.warning("outage: %s", in_one_line(error))
            stop.wait(backoff_seconds(failures, BACKOFF_CAP_SECONDS))
            failures += 1


def consume(channel: BlockingChannel, *, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Until `stop` is set. What is not acknowledged then goes back to the queue with the connection's end."""
    channel.basic_qos(prefetch_count=1)
    for method, _, body in channel.consume(topology.EVENTS, inactivity_timeout=1):
        on_turn()
        if stop.is_set():
            return
        if method is None:
            continue
        try:
            event = parse_order_placed(body)
        except Malformed as error:
            logger.warning("to the dead letters: %s", error)
            channel.basic_reject(method.delivery_tag, requeue=False)
            continue
        not_ours = event.source != SOURCE  # another service's order, of which we have no row
        if not_ours or hand_over(event, channel.connection, stop=stop, on_turn=on_turn):
            channel.basic_ack(method.delivery_tag)


def hand_over(event: OrderPlaced, connection: pika.BlockingConnection, *, stop: threading.Event, on_turn: Callable[[], None]) -> bool:
    """True when Celery has the task. While it cannot have it, the event stays in hand: giving it back would count
    against its delivery limit, and a broker with a memory alarm would drive good events to the dead letters."""
    failures = 0
    while not stop.is_set():
        try:
            fulfil_order.delay(str(event.order_id))
        except (OperationalError, AMQPError, OSError) as error:
            logger.warning("order %s waits for Celery's broker: %s", event.order_id, in_one_line(error))
            connection.sleep(backoff_seconds(failures, BACKOFF_CAP_SECONDS))
            on_turn()
            failures += 1
        else:
            logger.info("order %s handed to Celery (event %s, correlation id %s)", event.order_id, event.event_id, event.correlation_id)
            return True
    return False
