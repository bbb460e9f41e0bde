"""The queues of this service, and where their dead letters go.

shop.events, order.placed and order.paid → fulfilment.orders, read by consume_events
fulfilment.tasks → fulfilment.tasks, read by the Celery worker
fulfilment.orders.dead and fulfilment.tasks.dead: for people, at /dead-letters/
"""

import contextlib

import pika
from django.conf import settings
from django.core.management import CommandError

from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from patterns.messaging.reliable_task import reliable_queue
from patterns.messaging.topology import WorkQueue, migration

EVENTS = f"{settings.QUEUE_PREFIX}.orders"
TASKS = f"{settings.QUEUE_PREFIX}.tasks"
DEAD_LETTERS = f"{settings.QUEUE_PREFIX}.dead"  # the exchange to which Celery's queue gives what it gives up

# An event runs little code before it is acknowledged: what gives it back is a restart or an outage, so a generous number.
EVENT_DELIVERY_LIMIT = 20
# A task may be what kills its worker: four deaths are enough to know.
TASK_DELIVERY_LIMIT = 3
# An error of the database's passes within a minute, or somebody has to look.
DELAYS_SECONDS = (1, 10, 60)


def events_queue() -> WorkQueue:
    keys = [ORDER_PLACED, ORDER_PAID]
    return WorkQueue(EVENTS, settings.EVENTS_EXCHANGE, keys, delivery_limit=EVENT_DELIVERY_LIMIT, delays_seconds=DELAYS_SECONDS)


def migrate_events() -> int:
    """Gives existing queues of before their present arguments. Returns how many messages were moved."""
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(broker_url()))) as connection:
        return migration.migrate_work_queue(connection, events_queue())


def migrate_tasks() -> int:
    queue = reliable_queue(TASKS, dead_letters=DEAD_LETTERS, delivery_limit=TASK_DELIVERY_LIMIT)
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(broker_url()))) as connection:
        connection.channel().exchange_declare(TASKS, "topic", durable=True)
        bindings = [(TASKS, f"#.{TASKS}")]  # "#.": retries come with their delay in front
        return migration.migrate(connection, TASKS, vars(queue)["queue_arguments"], bindings)


def dead(queue: str) -> str:
    return f"{queue}.dead"


def broker_url() -> str:
    if not settings.RABBITMQ_URL:
        raise CommandError("RABBITMQ_URL is not set: this command needs a broker")
    return str(settings.RABBITMQ_URL)
