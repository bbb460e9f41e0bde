"""Order saved, broker down, event lost: the Django transactional outbox.

Three hundred orders are posted, and the broker is down for the middle third. The naive
endpoint saves the order and publishes its event in the same request. The solved one stores
the event beside the order. The relay, a process of its own that is also killed once,
publishes it later. An event is lost if its order was saved and no queue ever gets it.
"""

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pika
from django.conf import settings
from django.core.management import call_command
from pika.adapters.blocking_connection import BlockingChannel
from rest_framework import status
from rest_framework.test import APIRequestFactory

from fulfilment.api.views import OrderList
from fulfilment.models import Order, Product
from lab import kill, process
from labkit import Counts, Experiment, FaultProxy
from labkit.logs import quiet
from labkit.processes import wait_until
from patterns.messaging.outbox.models import OutboxEvent

ORDERS = 300
THIRD = ORDERS // 3


class NaiveOrderList(OrderList):
    """Saves, then publishes, on a connection that it keeps open. The order is committed before the broker is asked."""

    channel: BlockingChannel | None = None
    url = exchange = ""

    def place(self, quantities: Mapping[str, int], correlation_id: str, email: str) -> Order:
        order = Order.objects.place(quantities)
        self.publish({"order_id": str(order.pk)})
        return order

    @classmethod
    def publish(cls, event: dict[str, str]) -> None:
        if cls.channel is None or cls.channel.is_closed:
            cls.channel = pika.BlockingConnection(pika.URLParameters(cls.url)).channel()
        cls.channel.basic_publish(cls.exchange, "order.placed", json.dumps(event))


class Road:
    """The way from the orders to a queue: a proxy in front of the broker, an exchange of this run's own, and a queue behind it."""

    def __init__(self, proxy: FaultProxy, url: str, channel: BlockingChannel) -> None:
        self.proxy = proxy
        self.url = url
        self.channel = channel
        self.exchange = self.queue = f"lab.broker_down.{secrets.token_hex(4)}"
        self.arrived: set[str] = set()

    def collect(self) -> int:
        """How many orders' events have arrived so far; an event that arrives twice counts once."""
        while (message := self.channel.basic_get(self.queue, auto_ack=True))[0]:
            event = json.loads(message[2])
            self.arrived.add(event.get("data", event)["order_id"])
        return len(self.arrived)


@contextlib.contextmanager
def road() -> Iterator[Road]:
    url = os.environ.get("RABBITMQ_URL", "")
    if not url:
        raise RuntimeError("the experiment needs RabbitMQ: `make lab` starts one, or set RABBITMQ_URL=amqp://user:password@host:port/%2F")
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    with (
        FaultProxy(parts.hostname or "localhost", parts.port or 5672) as proxy,
        contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection,
    ):
        here = Road(proxy, parts._replace(netloc=f"{login}@{proxy.host}:{proxy.port}").geturl(), connection.channel())
        here.channel.exchange_declare(here.exchange, "topic", durable=True)
        here.channel.queue_declare(here.queue, durable=True)
        here.channel.queue_bind(here.queue, here.exchange, "#")
        try:
            yield here
        finally:
            here.channel.queue_delete(here.queue)
            here.channel.exchange_delete(here.exchange)


def naive() -> Counts:
    fresh_shop()
    with road() as here:
        NaiveOrderList.url, NaiveOrderList.exchange, NaiveOrderList.channel = here.url, here.exchange, None
        errors = take_orders(NaiveOrderList, THIRD)
        here.proxy.set("refuse")
        errors += take_orders(NaiveOrderList, THIRD)
        here.proxy.set("pass")
        errors += take_orders(NaiveOrderList, ORDERS - 2 * THIRD)
        if NaiveOrderList.channel is not None:
            NaiveOrderList.channel.connection.close()  # sends what is still in its buffer: that is not what gets lost
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: here.collect() == ORDERS, timeout_seconds=1, what="every event")
        return counted(here, errors)


def solved() -> Counts:
    fresh_shop()
    with road() as here, tempfile.TemporaryDirectory() as folder:
        alive = Path(folder) / "alive"
        with process(relay, here.url, here.exchange, str(alive)) as first:
            errors = take_orders(OrderList, THIRD)
            wait_until(lambda: here.collect() > 0, timeout_seconds=20, what="the relay's first event")
            kill(first)
            first.join()
        alive.unlink()
        with process(relay, here.url, here.exchange, str(alive)):  # as a supervisor would
            wait_until(alive.exists, timeout_seconds=20, what="the second relay")
            here.proxy.set("refuse")
            errors += take_orders(OrderList, THIRD)
            here.proxy.set("pass")
            errors += take_orders(OrderList, ORDERS - 2 * THIRD)
            wait_until(lambda: not OutboxEvent.objects.waiting().exists(), timeout_seconds=20, what="the outbox to be empty")
        return counted(here, errors)


def relay(url: str, exchange: str, alive: str) -> None:
    """The command, as a process of this run's own settings."""
    settings.RABBITMQ_URL, settings.EVENTS_EXCHANGE, settings.ALIVE_FILE = url, exchange, alive
    call_command("relay_outbox")


def fresh_shop() -> None:
    OutboxEvent.objects.all().delete()
    Order.objects.all().delete()
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug 1", "price": "6.90"})


def take_orders(view: type[OrderList], count: int) -> int:
    """Posts so many orders, and returns how many customers saw an error."""
    errors = 0
    for _ in range(count):
        request = APIRequestFactory().post("/orders/", {"lines": [{"sku": "SKU-000001", "quantity": 1}]}, format="json")
        try:
            with quiet():
                errors += view.as_view()(request).status_code != status.HTTP_202_ACCEPTED
        except Exception:  # a server would answer 500
            errors += 1
    return errors


def counted(here: Road, errors: int) -> Counts:
    orders = Order.objects.count()
    return {"orders": orders, "request_errors": errors, "events_lost": orders - here.collect()}


experiment = Experiment(
    challenge="Order saved, broker down, event lost: the Django transactional outbox",
    solution="a transactional outbox: the event is a row in the order's transaction, and a relay publishes it with confirms",
    load=f"{ORDERS:,} POSTs; the broker refuses connections during the second third; the relay is killed once (SIGKILL)",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["events_lost"] > 0 and counts["request_errors"] > 0,
    holds=lambda counts: counts == {"orders": ORDERS, "request_errors": 0, "events_lost": 0},
    proof=("events_lost", "request_errors"),
    code="patterns/messaging/outbox/relay.py",
)
