"""The outbox's relay, with an archive of this service's events."""

from django.conf import settings
from pika.adapters.blocking_connection import BlockingChannel

from patterns.messaging.outbox.management.commands import relay_outbox
from patterns.messaging.publisher import Publisher

ARCHIVE = f"{settings.EVENTS_EXCHANGE}.archive.reviews"
KEPT = 100_000  # the latest events, about 100 MB


def declare_archive(channel: BlockingChannel) -> None:
    """Takes every event: while no consumer has bound a queue, the broker would refuse it."""
    arguments = {"x-max-length": KEPT, "x-overflow": "drop-head"}
    channel.queue_declare(ARCHIVE, durable=True, arguments=arguments)
    channel.queue_bind(ARCHIVE, settings.EVENTS_EXCHANGE, "review.*")


class Command(relay_outbox.Command):
    def publisher(self, url: str, exchange: str) -> Publisher:
        return Publisher(url, exchange, declare=declare_archive)
