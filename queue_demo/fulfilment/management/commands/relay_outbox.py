"""The outbox's relay, with the request's id, and a note in the order's own rows."""

from fulfilment.workers.relay import OrderRelay, TracedPublisher
from patterns.messaging.outbox.management.commands import relay_outbox
from patterns.messaging.publisher import Publisher


class Command(relay_outbox.Command):
    def publisher(self, url: str, exchange: str) -> Publisher:
        return TracedPublisher(url, exchange)

    def relay(self, publisher: Publisher, database: str) -> OrderRelay:
        return OrderRelay(publisher.publish, using=database)
