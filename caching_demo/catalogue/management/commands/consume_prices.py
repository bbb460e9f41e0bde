"""Hears of prices that another service has changed, until SIGTERM."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue import price_events
from catalogue.process import stop_on_signal, touch_alive_file


class Command(BaseCommand):
    help = "Reads product.price_changed from its queue on RABBITMQ_URL; waits while the broker or the database is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.RABBITMQ_URL:
            raise CommandError("RABBITMQ_URL is missing: this process works with a broker only")
        price_events.run(url=settings.RABBITMQ_URL, stop=stop_on_signal(), on_turn=touch_alive_file)
