"""Consumes prices that another service has changed: product.price_changed, each once, in any order."""

import contextlib
import json
import logging
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pika
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from catalogue.models import Product, SeenEvent
from catalogue.serializers import PriceSerializer
from catalogue.services import change_price
from patterns.caching.generations import NotInvalidated
from patterns.messaging.topology.properties import unreadable

logger = logging.getLogger(__name__)

PRICE_CHANGED = "product.price_changed"
CONNECTION_ERRORS = (AMQPError, AMQPConnectorException, OSError)  # the second: a broker that hangs while it is greeted
DELIVERY_LIMIT = 20  # what gives an event back is a restart or an outage, so a generous number
MAX_EVENT_BYTES = 64 * 1024  # ours are below 1 KB
MAX_AHEAD = timedelta(minutes=10)  # clocks differ; a time further ahead is a mistake
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
SKU = r"[A-Za-z0-9-]{1,32}"
DOWN = (OperationalError, InterfaceError, NotInvalidated)  # of a server, not of the event
REST_SECONDS = 1.0
KEPT_DAYS = 7  # a copy that comes later finds its price older than, or the same as, the one that is here: it changes nothing either


class Malformed(Exception):
    """Not an event that this service understands. It would not be understood the next time either."""


@dataclass(frozen=True)
class PriceChanged:
    """CloudEvents 1.0: id, time, and data with sku and price."""

    event_id: uuid.UUID
    priced_at: datetime
    sku: str
    price: Decimal


def parse(body: bytes) -> PriceChanged:
    """Raises Malformed, whatever the bytes are."""
    if len(body) > MAX_EVENT_BYTES:
        raise Malformed(f"{len(body)} bytes; at most {MAX_EVENT_BYTES}")
    try:
        event = json.loads(body)
        if (event["specversion"], event["type"]) != ("1.0", PRICE_CHANGED):
            raise Malformed(f"unsupported: type {event['type']!r:.40}, specversion {event['specversion']!r:.20}")
        price = PriceSerializer(data={"price": event["data"]["price"]})
        if not price.is_valid() or not re.fullmatch(SKU, event["data"]["sku"]):
            raise Malformed("invalid price or SKU")
        return PriceChanged(uuid.UUID(event["id"]), time_of(event["time"]), event["data"]["sku"], price.validated_data["price"])
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:100]) from error


def time_of(text: str) -> datetime:
    """In UTC, and not in the future: a publisher whose clock is ahead would freeze the price until then."""
    priced_at, now = parse_datetime(text), timezone.now()
    if priced_at is None or timezone.is_naive(priced_at):
        raise Malformed("time is missing or has no time zone")
    if not EARLIEST <= priced_at.astimezone(UTC) <= now + MAX_AHEAD:
        raise Malformed("time is out of range")
    return min(priced_at.astimezone(UTC), now)


@transaction.atomic
def apply(event: PriceChanged) -> bool:
    """False when this event has had its effect already. What was decided before the present price changes nothing."""
    _, is_new = SeenEvent.objects.get_or_create(id=event.event_id)
    if is_new:
        try:
            change_price(sku=event.sku, price=event.price, priced_at=event.priced_at)
        except Product.DoesNotExist:
            logger.warning("ignored a price: product %s does not exist", event.sku)
    return is_new


def prune() -> int:
    """Forgets the ids of old events."""
    deleted, _ = SeenEvent.objects.filter(seen_at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
    return deleted


def queue() -> str:
    return f"{settings.QUEUE_PREFIX}.price_changed"


def declare(channel: BlockingChannel) -> None:
    """The queue that is read, and the one for what nobody understands. Declaring them again changes nothing."""
    dead: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}  # looking at it must not remove it
    ours: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": ""}
    channel.exchange_declare(settings.EVENTS_EXCHANGE, "topic", durable=True)
    channel.queue_declare(f"{queue()}.dead", durable=True, arguments=dead)
    channel.queue_declare(queue(), durable=True, arguments={**ours, "x-dead-letter-routing-key": f"{queue()}.dead"})
    channel.queue_bind(queue(), settings.EVENTS_EXCHANGE, PRICE_CHANGED)


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Consumes until `stop` is set, through outages of the broker."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = 3
    is_away = False
    while not stop.is_set():
        on_turn()
        try:
            with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
                channel = connection.channel()
                declare(channel)
                logger.info("consuming %s", queue())
                is_away = False
                consume(channel, stop=stop, on_turn=on_turn)
        except CONNECTION_ERRORS as error:
            if not is_away:
                logger.warning("the broker is unavailable (%s)", type(error).__name__)
            is_away = True
            stop.wait(REST_SECONDS)


def consume(channel: BlockingChannel, *, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Until `stop` is set. Acknowledged after the commit: who dies in between has the event again, and sees that it is done."""
    channel.basic_qos(prefetch_count=1)
    for method, properties, body in channel.consume(queue(), inactivity_timeout=1):
        on_turn()
        if stop.is_set():
            return
        if method is None or body is None:
            continue
        if unreadable(properties):
            channel.basic_reject(method.delivery_tag, requeue=False)
            continue
        try:
            event = parse(body)
        except Malformed as error:
            logger.warning("event dead-lettered: %s", error)
            channel.basic_reject(method.delivery_tag, requeue=False)
            continue
        while not stop.is_set():  # giving it back would count against its limit: it stays in hand while a server is down
            close_old_connections()
            try:
                apply(event)
            except DOWN as error:
                logger.warning("cannot apply a price yet (%s): retrying", type(error).__name__)
                channel.connection.sleep(REST_SECONDS)
                on_turn()
            except Exception:  # it would fail in the same way the next time, and in the next process
                logger.exception("event dead-lettered: it cannot be applied")
                channel.basic_reject(method.delivery_tag, requeue=False)
                break
            else:
                channel.basic_ack(method.delivery_tag)
                break
