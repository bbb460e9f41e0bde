"""Publishes the outbox's events until SIGTERM. A subclass chooses another publisher or relay."""

import contextlib
import functools
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from ....graceful_shutdown import stop_on_signal, touch
from ....publisher import Publisher
from ...relay import Relay


class Command(BaseCommand):
    help = "Publishes the events of the outbox to RABBITMQ_URL, until SIGTERM."
    requires_system_checks = []  # they load the URLs and all views: memory that nothing here uses

    def add_arguments(self, parser: CommandParser) -> None:
        exchange = getattr(settings, "EVENTS_EXCHANGE", "events")
        parser.add_argument(
            "--exchange", default=exchange, help="the topic exchange (default: EVENTS_EXCHANGE)"
        )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="database alias",
        )

    def handle(self, *args: Any, exchange: str, database: str, **options: Any) -> None:
        url = getattr(settings, "RABBITMQ_URL", "")
        if not url:
            raise CommandError(
                "RABBITMQ_URL is not set. Example: amqp://user:password@host:port/vhost"
            )
        alive = functools.partial(touch, getattr(settings, "ALIVE_FILE", ""))
        with contextlib.closing(self.publisher(url, exchange)) as publisher:
            relay = self.relay(publisher, database)
            relay.run(stop=stop_on_signal(), rest=publisher.rest, on_turn=alive)

    def publisher(self, url: str, exchange: str) -> Publisher:
        return Publisher(url, exchange)

    def relay(self, publisher: Publisher, database: str) -> Relay:
        return Relay(publisher.publish, using=database)
