"""Reads events and hands each order to Celery. An event is acknowledged after Celery's broker confirmed the task."""

import contextlib
import logging
import threading
from collections.abc import Callable

import pika
from amqp.exceptions import AMQPError
from django.db import connections
from kombu.exceptions import OperationalError

from fulfilment.errors import in_one_line
from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from fulfilment.messaging import topology, tracing
from fulfilment.messaging.events import SOURCE, Malformed, OrderEvent, parse_order_event
from fulfilment.models import MixedCurrencies, UnknownProduct
from fulfilment.services import accept_paid_order
from fulfilment.tasks import fulfil_order
from patterns.messaging import consumer
from patterns.messaging.publisher import CONNECTION_ERRORS
from patterns.messaging.topology.migration import StillConsumed

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 2
ONE_RETRY = {"max_retries": 1, "interval_start": 0}  # the loop here tries again itself, and may be told to stop


class Stopping(Exception):
    """We were told to stop before Celery had the task."""


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Consumes until `stop` is set, through outages of the broker."""

    def handle(body: bytes, properties: pika.BasicProperties) -> None:
        try:
            handle_event(body, stop=stop)
        finally:
            connections.close_all()  # this thread's, which nobody else would close; only paid orders open one

    with contextlib.suppress(*CONNECTION_ERRORS, StillConsumed):  # the loop meets them again, and says so
        topology.migrate_events()
    consumer.run(url, topology.events_queue(), handle, stop=stop, on_turn=on_turn)


def handle_event(body: bytes, *, stop: threading.Event) -> None:
    """Our own placed orders and other services' paid ones are fulfilled. Raises Hopeless for what can be neither."""
    try:
        event = parse_order_event(body)
        # another service's order is ours to fulfil when it is paid; our own need no payment
        if (event.type == ORDER_PLACED) == (event.source == SOURCE):
            with tracing.request(event.correlation_id):
                hand_over(event, stop=stop)
    except (Malformed, MixedCurrencies, UnknownProduct) as error:
        raise consumer.Hopeless(in_one_line(error)) from error


def hand_over(event: OrderEvent, *, stop: threading.Event) -> None:
    """Returns when Celery has the task. While its broker is away the event stays in hand: it could not be put aside either."""
    if event.type == ORDER_PAID:
        accept_paid_order(event=event)
    pause_seconds = 0.1
    while not stop.is_set():
        try:
            fulfil_order.apply_async([str(event.order_id)], retry_policy=ONE_RETRY)
        except (OperationalError, AMQPError, OSError) as error:
            logger.warning("order %s waits for Celery's broker: %s", event.order_id, in_one_line(error))
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            stop.wait(pause_seconds)
        else:
            logger.info("order %s handed to Celery (event %s)", event.order_id, event.event_id)
            return
    raise Stopping
