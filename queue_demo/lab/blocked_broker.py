"""RabbitMQ raised a memory alarm and the site hung.

Twenty customers order at once while the broker answers nothing for two seconds. A broker
with a memory alarm treats publishers like that: it keeps the connection open and stops
reading. A proxy imitates it, because a real alarm would stop every publisher on this
broker. The naive endpoint publishes in the request, with confirms. The solved one writes
to the outbox; the relay gives up in bounded time and retries.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from celery import Celery
from django.db import connection
from rest_framework.test import APIRequestFactory

from fulfilment.api.views import OrderList
from fulfilment.models import Order, Product
from lab import Corner, corner
from labkit import Counts, Experiment, FaultProxy
from labkit.logs import quiet
from labkit.processes import wait_until
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import Relay
from patterns.messaging.publisher import Publisher

CUSTOMERS = 20
ALARM_SECONDS = 2


class NaiveOrderList(OrderList):
    """Saves, then sends the task. Confirms are on: nothing shall get lost."""

    app: Celery

    def place(self, quantities: object, correlation_id: str, email: str) -> Order:
        order = Order.objects.place(quantities)  # type: ignore[arg-type]
        self.app.send_task("fulfil_order", [str(order.pk)])
        return order


@contextlib.contextmanager
def road() -> Iterator[tuple[Corner, FaultProxy, str]]:
    """A corner of the broker, a proxy in front of it, and the URL that leads through the proxy."""
    with corner() as here:
        parts = urlsplit(here.url)
        with FaultProxy(parts.hostname or "localhost", parts.port or 5672) as proxy:
            login = parts.netloc.rpartition("@")[0]
            yield here, proxy, parts._replace(netloc=f"{login}@{proxy.host}:{proxy.port}").geturl()


def naive() -> Counts:
    fresh_shop()
    with road() as (here, proxy, url), quiet():
        queue = here.keep("tasks")
        app = Celery("naive", broker=url, set_as_current=False)
        app.conf.update(task_default_queue=queue, broker_transport_options={"confirm_publish": True}, broker_pool_limit=CUSTOMERS)
        NaiveOrderList.app = app
        counts = rush_hour(NaiveOrderList, proxy)
        return counts | {"events_arrived_after_it": here.waiting(queue) - 1}


def solved() -> Counts:
    fresh_shop()
    with road() as (here, proxy, url), quiet():
        queue, stop = here.queue("events"), threading.Event()
        with contextlib.closing(Publisher(url, queue, timeout_seconds=0.5)) as publisher, ThreadPoolExecutor(1) as pool:
            running = pool.submit(run_relay, publisher, stop)
            try:
                counts = rush_hour(OrderList, proxy)
                proxy.set("pass")
                wait_until(lambda: not OutboxEvent.objects.waiting().exists(), timeout_seconds=30, what="the outbox to be empty")
            finally:
                stop.set()
                running.result(30)
        return counts | {"events_arrived_after_it": here.waiting(queue) - 1}


def run_relay(publisher: Publisher, stop: threading.Event) -> None:
    """The relay of the shop, in a thread of this process."""
    try:
        Relay(publisher.publish).run(stop=stop, rest=publisher.rest)
    finally:
        connection.close()


def rush_hour(view: type[OrderList], proxy: FaultProxy) -> Counts:
    """All customers at once, with an alarm on."""
    answered: list[int] = []

    def customer(_: int) -> None:
        request = APIRequestFactory().post("/orders/", {"lines": [{"sku": "SKU-000001", "quantity": 1}]}, format="json")
        try:
            answered.append(view.as_view()(request).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        customer(0)  # whoever is first waits for the service to be warm, and is not counted
        proxy.set("hang")
        answered.clear()
        begun = time.monotonic()
        waiting = [pool.submit(customer, number) for number in range(CUSTOMERS)]
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: len(answered) == CUSTOMERS, timeout_seconds=ALARM_SECONDS, what="answers")
        in_time, waited_ms = answered.count(202), round((time.monotonic() - begun) * 1000)
        if in_time < CUSTOMERS:
            proxy.set("refuse")  # ends the connections that hang, and with them the requests
        for each in waiting:
            each.exception(60)
    return {"requests": CUSTOMERS, "answered_during_the_alarm": in_time, "waited_for_them_ms": waited_ms}


def fresh_shop() -> None:
    OutboxEvent.objects.all().delete()
    Order.objects.all().delete()
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug 1", "price": "6.90"})


experiment = Experiment(
    challenge="RabbitMQ raised a memory alarm and the site hung",
    solution="requests never publish; the relay's publisher gives up in bounded time and retries",
    load=f"{CUSTOMERS} customers at once, while the broker answers nothing for {ALARM_SECONDS} s",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["answered_during_the_alarm"] == 0,
    holds=lambda counts: counts["answered_during_the_alarm"] == counts["events_arrived_after_it"] == CUSTOMERS,
    proof=("answered_during_the_alarm",),
    code="patterns/messaging/publisher",
)
