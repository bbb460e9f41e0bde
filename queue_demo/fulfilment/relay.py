"""Publishes the outbox's events to the shop's exchange, each under the id of the request that caused it."""

import contextlib
import json
import logging
import threading
from collections.abc import Callable

from django.conf import settings

from fulfilment import tracing
from patterns.messaging.outbox import relay
from patterns.messaging.publisher import BrokerUnavailable, MessageRefused, Publisher

logger = logging.getLogger(__name__)


def run(*, url: str, stop: threading.Event, on_turn: Callable[[], None]) -> None:
    """Publishes until `stop` is set, through outages of the broker and of the database."""
    with contextlib.closing(Publisher(url, settings.EVENTS_EXCHANGE)) as publisher:

        def publish(routing_key: str, body: bytes, event_id: str) -> None:
            correlation_id = str(json.loads(body).get("correlationid") or "-")
            with tracing.request(correlation_id):
                publisher.publish(routing_key, body, event_id, correlation_id)
                logger.info("event %s published as %s", event_id, routing_key)

        relay.run(
            publish,
            refused=MessageRefused,
            away=BrokerUnavailable,
            stop=stop,
            rest=publisher.rest,
            on_turn=on_turn,
        )
