"""Queue topology: a work queue with its delays, limit and dead letters, declared once.

Problem
    Without a dead-letter queue, rejected messages vanish. Programs that declare a queue
    with different arguments get a 406.

Guarantee
    - `declare` is idempotent.
    - The queue survives a crash of the broker (quorum queue).
    - A message delivered `delivery_limit` + 1 times, or rejected, is dead-lettered.
    - A delayed message returns after its delay, and blocks no shorter one.
    - No message is lost on its way between these queues, even if one is missing.
    - Dead letters are kept, however often they are read.

Not guaranteed
    A change of arguments (406) in place: see `migration.migrate`. A crash may dead-letter
    a message twice.

Cost
    Two queues, and one per delay.

Use instead
    A broker policy, for limits that operators change. Delayed retry of quorum queues,
    from RabbitMQ 4.3. (Checked 2026-11.)

Source: rabbitmq.com/docs/quorum-queues.

Use
    # your code
    import pika
    from django.conf import settings
    from patterns.messaging.topology import WorkQueue

    ORDERS = WorkQueue("billing.orders", "shop.events", ["order.*"], delays_seconds=[1])
    url = pika.URLParameters(settings.RABBITMQ_URL)
    with pika.BlockingConnection(url) as connection:
        ORDERS.declare(connection.channel())
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

RETRIES = "x-retries"  # header: how often the message was sent to a delay queue
REASON = "x-reason"  # header: the error of the last try
OUTAGE_SINCE = "x-outage-since"  # header: seconds since 1970; tries since then do not count

# What expires or is rejected leaves its queue when the next queue has confirmed it. Without both,
# it is lost if that queue is missing, or the broker dies at that moment. Since RabbitMQ 3.10.
AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
# From 4.0 RabbitMQ drops what exceeds a quorum queue's limit, 20 unless it is set
KEPT = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


@dataclass(frozen=True)
class WorkQueue:
    """`name` is bound to the topic exchange `exchange`; `delays_seconds` precede each retry."""

    name: str
    exchange: str
    routing_keys: Sequence[str]
    delivery_limit: int = 3
    delays_seconds: Sequence[float] = (1, 10, 60)
    outage_limit_seconds: float = 6 * 3600  # from then on tries during an outage count, too

    @property
    def dead(self) -> str:
        return f"{self.name}.dead"

    def delay(self, retry: int) -> str:
        """The queue in which a message waits before this retry; the first is 0."""
        return f"{self.name}.retry-{round(self.delays_seconds[retry] * 1000)}ms"

    def queues(self) -> dict[str, dict[str, Any]]:
        """Every queue with its arguments; that of the dead letters is there before the first."""
        # through the default exchange, to the queue of that name: one exchange less to miss
        back = AT_LEAST_ONCE | {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.name,
        }
        # one queue per delay: only a queue's first message expires
        delays = {
            self.delay(retry): KEPT | back | {"x-message-ttl": round(seconds * 1000)}
            for retry, seconds in enumerate(self.delays_seconds)
        }
        work = back | {
            "x-queue-type": "quorum",
            "x-delivery-limit": self.delivery_limit,
            "x-dead-letter-routing-key": self.dead,
        }
        return {self.dead: KEPT, **delays, self.name: work}

    def declare(self, channel: BlockingChannel) -> None:
        for name, arguments in self.queues().items():
            channel.queue_declare(name, durable=True, arguments=arguments)
        channel.exchange_declare(self.exchange, "topic", durable=True)
        for key in self.routing_keys:
            channel.queue_bind(self.name, self.exchange, key)
