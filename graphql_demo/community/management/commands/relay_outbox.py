"""Publishes what waits in the outbox, until SIGTERM."""

import contextlib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from pika.adapters.blocking_connection import BlockingChannel

from community.process import broker_url, stop_on_signal, touch_alive_file
from patterns.messaging.outbox import relay
from patterns.messaging.publisher import BrokerUnavailable, MessageRefused, Publisher

ARCHIVE = f"{settings.EVENTS_EXCHANGE}.archive.reviews"
KEPT = 100_000  # the latest events, about 100 MB


def declare_archive(channel: BlockingChannel) -> None:
    """A queue of this service's events for who comes later. With nobody listening yet, the broker would refuse each event, for ever."""
    arguments = {"x-max-length": KEPT, "x-overflow": "drop-head"}
    channel.queue_declare(ARCHIVE, durable=True, arguments=arguments)
    channel.queue_bind(ARCHIVE, settings.EVENTS_EXCHANGE, "review.*")


class Command(BaseCommand):
    help = "Publishes the outbox's events to EVENTS_EXCHANGE on RABBITMQ_URL; waits while the broker is away."
    requires_system_checks = []  # they load the URLs, and with them the schema: memory that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.closing(Publisher(broker_url(), settings.EVENTS_EXCHANGE, declare=declare_archive)) as publisher:
            relay.run(
                publisher.publish,
                refused=MessageRefused,
                away=BrokerUnavailable,
                stop=stop_on_signal(),
                rest=publisher.rest,
                on_turn=touch_alive_file,
            )
