"""Publishes what waits in the outbox, until SIGTERM."""

from typing import Any

from django.core.management.base import BaseCommand

from fulfilment import relay
from fulfilment.process import broker_url, stop_on_signal, touch_alive_file


class Command(BaseCommand):
    help = "Publishes the outbox's events to EVENTS_EXCHANGE on RABBITMQ_URL; waits while the broker is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        relay.run(url=broker_url(), stop=stop_on_signal(), on_turn=touch_alive_file)
