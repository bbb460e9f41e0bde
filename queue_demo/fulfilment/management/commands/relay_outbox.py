"""The relay of the outbox, with request ids, and with a record of each publish in the order's rows."""

from fulfilment.workers.relay import OrderRelay, TracedPublisher
from patterns.messaging.outbox.management.commands import relay_outbox
from patterns.messaging.publisher import Publisher


class Command(relay_outbox.Command):
    def publisher(self, url: str, exchange: str) -> Publisher:
        return TracedPublisher(url, exchange)

    def relay(self, publisher: Publisher, database: str) -> OrderRelay:
        return OrderRelay(publisher.publish, using=database)
