"""Publishes the events of the outbox, each with the id of the request that caused it."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from fulfilment.messaging import tracing
from fulfilment.models import OrderEvent
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import Relay
from patterns.messaging.publisher import Publisher

logger = logging.getLogger(__name__)


class TracedPublisher(Publisher):
    def publish(self, routing_key: str, body: bytes, message_id: str, correlation_id: str | None = None) -> None:
        correlation_id = str(json.loads(body).get("correlationid") or "-")
        with tracing.request(correlation_id):
            super().publish(routing_key, body, message_id, correlation_id)
            logger.info("event %s published as %s", message_id, routing_key)


class OrderRelay(Relay):
    """Notes in the order's own rows what was published: those of the outbox are pruned."""

    def mark_published(self, events: list[OutboxEvent], at: datetime) -> None:
        super().mark_published(events, at)
        OrderEvent.objects.filter(event_id__in=[event.event_id for event in events]).update(at=at)


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Publishes until `stop` is set, through outages of the broker and the database."""
    with contextlib.closing(TracedPublisher(url, settings.EVENTS_EXCHANGE)) as publisher:
        OrderRelay(publisher.publish).run(stop=stop, rest=publisher.rest, on_turn=on_turn)
