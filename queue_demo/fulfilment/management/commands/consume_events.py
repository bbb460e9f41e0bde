"""Hands the events of the shop to Celery, until SIGTERM."""

from typing import Any

from django.core.management.base import BaseCommand

from fulfilment import consumer
from fulfilment.process import broker_url, stop_on_signal, touch_alive_file


class Command(BaseCommand):
    help = "Reads order.placed from its queue on RABBITMQ_URL and hands each to Celery; waits while the broker is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        consumer.run(url=broker_url(), stop=stop_on_signal(), on_turn=touch_alive_file)
