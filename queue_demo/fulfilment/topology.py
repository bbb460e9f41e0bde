"""The queues of this service, and what becomes of a message that nobody could use.

shop.events, order.placed → fulfilment.order_placed, read by consume_events
fulfilment.tasks → fulfilment.tasks, read by the Celery worker
fulfilment.dead → fulfilment.order_placed.dead and fulfilment.tasks.dead, read by people
"""

from typing import Any

from django.conf import settings
from pika.adapters.blocking_connection import BlockingChannel

ORDER_PLACED = "order.placed"
EVENTS = f"{settings.QUEUE_PREFIX}.order_placed"
TASKS = f"{settings.QUEUE_PREFIX}.tasks"
DEAD_LETTERS = f"{settings.QUEUE_PREFIX}.dead"

# An event runs no code of its own before it is acknowledged: what gives it back is a restart or an outage, so a generous number.
EVENT_DELIVERY_LIMIT = 20
# A task may be what kills its worker: four deaths are enough to know.
TASK_DELIVERY_LIMIT = 3
# RabbitMQ 4 gives every quorum queue a limit of 20, and drops what exceeds it: looking at dead letters must not remove them.
DEAD_QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


def dead(queue: str) -> str:
    return f"{queue}.dead"


def quorum(queue: str, *, delivery_limit: int) -> dict[str, Any]:
    """Arguments of a queue that survives a broker's crash and gives up on a message after `delivery_limit` + 1 deliveries."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-routing-key": queue,
    }


def declare_events(channel: BlockingChannel) -> None:
    """Declares what the consumer of events reads from. Declaring it again changes nothing."""
    channel.exchange_declare(settings.EVENTS_EXCHANGE, "topic", durable=True)
    channel.exchange_declare(DEAD_LETTERS, "topic", durable=True)
    channel.queue_declare(dead(EVENTS), durable=True, arguments=DEAD_QUEUE_ARGUMENTS)
    channel.queue_bind(dead(EVENTS), DEAD_LETTERS, EVENTS)
    channel.queue_declare(EVENTS, durable=True, arguments=quorum(EVENTS, delivery_limit=EVENT_DELIVERY_LIMIT))
    channel.queue_bind(EVENTS, settings.EVENTS_EXCHANGE, ORDER_PLACED)
