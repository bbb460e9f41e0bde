"""Publishes the outbox, and keeps an archive of this shop's events."""

from django.conf import settings
from pika.adapters.blocking_connection import BlockingChannel

from patterns.messaging.outbox.management.commands import relay_outbox
from patterns.messaging.publisher import Publisher

ARCHIVE = f"{settings.EVENTS_EXCHANGE}.archive"
KEPT = 100_000  # the latest events, about 100 MB


def declare_archive(channel: BlockingChannel) -> None:
    """Receives every event. Without any bound queue, the broker would return it as unroutable."""
    arguments = {"x-max-length": KEPT, "x-overflow": "drop-head"}
    channel.queue_declare(ARCHIVE, durable=True, arguments=arguments)
    for key in ("order.*", "product.*"):
        channel.queue_bind(ARCHIVE, settings.EVENTS_EXCHANGE, key)


class Command(relay_outbox.Command):
    def publisher(self, url: str, exchange: str) -> Publisher:
        return Publisher(url, exchange, declare=declare_archive)
