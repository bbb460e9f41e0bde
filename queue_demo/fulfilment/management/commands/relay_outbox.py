"""Publishes what waits in the outbox, until SIGTERM."""

import contextlib
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from fulfilment.process import broker_url, stop_on_signal, touch_alive_file
from patterns.outbox import relay
from patterns.publisher import BrokerUnavailable, MessageRefused, Publisher


class Command(BaseCommand):
    help = "Publishes the outbox's events to EVENTS_EXCHANGE on RABBITMQ_URL; waits while the broker is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.closing(Publisher(broker_url(), settings.EVENTS_EXCHANGE)) as publisher:
            relay.run(
                publisher.publish,
                refused=MessageRefused,
                away=BrokerUnavailable,
                stop=stop_on_signal(),
                rest=publisher.rest,
                on_turn=touch_alive_file,
            )
