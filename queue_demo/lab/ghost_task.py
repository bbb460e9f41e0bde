"""The Celery task raises DoesNotExist for an order that was just saved.

Fifty orders are placed, and every second one is rolled back at the end (the card was
declined). The worker is fast: it reads its queue just before each transaction ends, and
again afterwards. The naive side sends the task inside the transaction. The solved one
appends an event to the outbox, and the relay publishes it after the commit.
"""

import contextlib
import json
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections, transaction

from fulfilment.models import Order, Product
from fulfilment.services import place_order
from lab import Corner, corner
from labkit import Counts, Experiment
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import Relay
from patterns.messaging.publisher import Publisher

ORDERS = 50


class Declined(Exception):
    """The card was declined: all of the order is taken back."""


class Worker:
    """Takes what is in its queue, with a database connection of its own, as a process of its own has."""

    def __init__(self, here: Corner, queue: str) -> None:
        self.here, self.queue = here, queue
        self.pool = ThreadPoolExecutor(1)
        self.runs: list[tuple[str, bool]] = []  # which order, and whether it was there

    def look(self) -> None:
        while (body := self.here.take(self.queue)) is not None:
            event = json.loads(body)
            order_id = event.get("data", event)["order_id"]
            self.runs.append((order_id, self.pool.submit(self.found, order_id).result()))

    def found(self, order_id: str) -> bool:
        return Order.objects.filter(pk=order_id).exists()

    def close(self) -> None:
        self.pool.submit(connections.close_all).result()
        self.pool.shutdown()


def naive_order(worker: Worker) -> None:
    order = Order.objects.place({"SKU-000001": 1})
    worker.here.channel.basic_publish("", worker.queue, json.dumps({"order_id": str(order.pk)}))


def order(worker: Worker) -> None:
    place_order(quantities={"SKU-000001": 1}, correlation_id=str(uuid.uuid4()))


def naive() -> Counts:
    fresh_shop()
    with corner() as here, contextlib.closing(Worker(here, here.queue("tasks"))) as worker:
        for number in range(ORDERS):
            one_order(worker, naive_order, number)
        return counted(worker)


def solved() -> Counts:
    fresh_shop()
    with corner() as here, contextlib.closing(Worker(here, here.queue("tasks"))) as worker:
        with contextlib.closing(Publisher(here.url, worker.queue)) as publisher:
            for number in range(ORDERS):
                one_order(worker, order, number)
                Relay(publisher.publish).run_once()
                worker.look()
        return counted(worker)


def one_order(worker: Worker, take: Callable[[Worker], None], number: int) -> None:
    with contextlib.suppress(Declined), transaction.atomic():
        take(worker)
        worker.look()
        if number % 2:
            raise Declined
    worker.look()


def fresh_shop() -> None:
    OutboxEvent.objects.all().delete()
    Order.objects.all().delete()
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug 1", "price": "6.90"})


def counted(worker: Worker) -> Counts:
    orders = {str(pk) for pk in Order.objects.values_list("pk", flat=True)}
    runs = Counter((order_id in orders, was_there) for order_id, was_there in worker.runs)
    return {
        "orders": len(orders),
        "rolled_back": ORDERS - len(orders),
        "misses": runs[True, False],  # the order is there now, and was not when the task ran
        "ghosts": runs[False, False] + runs[False, True],  # the order never came to be
        "orders_found_by_their_task": runs[True, True],
    }


experiment = Experiment(
    challenge="The Celery task raises DoesNotExist for an order that was just saved",
    solution="the event is a row in the order's transaction; the relay publishes it after the commit",
    load=f"{ORDERS} orders, half of which are rolled back; the worker reads its queue before the end of each transaction and after it",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["misses"] > 0 and counts["ghosts"] > 0,
    holds=lambda counts: (counts["misses"], counts["ghosts"], counts["orders_found_by_their_task"]) == (0, 0, ORDERS // 2),
    proof=("misses", "ghosts"),
    code="fulfilment/services.py",
)
