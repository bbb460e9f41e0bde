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

import pika
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalogue.models import Product, SeenEvent
from catalogue.serializers import PriceSerializer
from catalogue.services import change_price
from patterns.caching.generations import NotInvalidated
from patterns.messaging import consumer
from patterns.messaging.publisher import CONNECTION_ERRORS
from patterns.messaging.topology import WorkQueue
from patterns.messaging.topology.migration import StillConsumed, migrate_work_queue

logger = logging.getLogger(__name__)

PRICE_CHANGED = "product.price_changed"
DELIVERY_LIMIT = 20  # what gives an event back is a restart or an outage, so a generous number
MAX_EVENT_BYTES = 64 * 1024  # ours are below 1 KB
MAX_AHEAD = timedelta(minutes=10)  # clocks differ; a time further ahead is a mistake
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
SKU = r"[A-Za-z0-9-]{1,32}"
DELAYS_SECONDS = (1, 5)  # a price is at most so much later than the end of an outage
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


def work_queue() -> WorkQueue:
    """The queue that is read, its delays, and the dead letters: what cannot be understood."""
    return WorkQueue(queue(), settings.EVENTS_EXCHANGE, [PRICE_CHANGED], delivery_limit=DELIVERY_LIMIT, delays_seconds=DELAYS_SECONDS)


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Consumes until `stop` is set, through outages of the broker and of what a change of price needs."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = 3
    with (
        contextlib.suppress(*CONNECTION_ERRORS, StillConsumed),  # the loop meets them again, and logs them
        contextlib.closing(pika.BlockingConnection(parameters)) as connection,
    ):
        migrate_work_queue(connection, work_queue())
    consumer.run(url, work_queue(), handle, stop=stop, on_turn=on_turn)


def handle(body: bytes, properties: pika.BasicProperties) -> None:
    """Acknowledged after the commit: a consumer killed in between gets the event again, and finds its id."""
    try:
        apply(parse(body))
    except NotInvalidated as error:  # the store refuses: an outage, like the database's
        raise ConnectionError(str(error)) from error
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # it would fail in the same way the next time
        raise consumer.Hopeless(f"{type(error).__name__}: {error}"[:200]) from error
