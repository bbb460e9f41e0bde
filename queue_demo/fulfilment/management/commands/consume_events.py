"""Hands the events of the shop to Celery, until SIGTERM."""

import functools
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from fulfilment.messaging.topology import broker_url
from fulfilment.workers import consumer
from patterns.messaging.graceful_shutdown import stop_on_signal, touch


class Command(BaseCommand):
    help = "Reads order events from the queue at RABBITMQ_URL and hands each order to Celery, until SIGTERM."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        alive = functools.partial(touch, settings.ALIVE_FILE)
        consumer.run(url=broker_url(), stop=stop_on_signal(), on_turn=alive)
