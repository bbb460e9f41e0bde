"""The consumer against a real broker; only Celery is a stand-in."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError as DatabaseAway
from kombu.exceptions import OperationalError

from fulfilment.messaging import topology
from fulfilment.models import Order, Product
from fulfilment.workers import consumer
from labkit import FaultProxy
from labkit.processes import wait_until
from tests.conftest import Broker

EVENT = (
    '{"specversion": "1.0", "id": "%s", "source": "%s", "type": "%s", "data": {"order_id": "%s", "lines": [{"sku": "%s", "quantity": 2}]}}'
)


class Celery:
    """Takes tasks, unless it is told that its broker is away."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.tries = 0
        self.is_away = False

    def apply_async(self, arguments: list[str], **_: Any) -> None:
        [order_id] = arguments
        self.tries += 1
        if self.is_away:
            raise OperationalError("timed out")
        self.tasks.append(order_id)


@pytest.fixture
def celery(monkeypatch: pytest.MonkeyPatch) -> Celery:
    stand_in = Celery()
    monkeypatch.setattr(consumer, "fulfil_order", stand_in)
    return stand_in


@pytest.fixture
def start(broker: Broker, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Callable[[str], threading.Event]]:
    """Runs the consumer in a thread; it ends when the returned event is set, and raises here what it raised."""
    settings.EVENTS_EXCHANGE = broker.exchange
    monkeypatch.setattr(topology, "EVENTS", f"{broker.prefix}.orders")
    topology.events_queue().declare(broker.channel)
    running: list[tuple[threading.Event, Future[None]]] = []

    with ThreadPoolExecutor() as pool:

        def start_one(url: str = broker.url) -> threading.Event:
            stop = threading.Event()
            running.append((stop, pool.submit(consumer.run, url=url, stop=stop, on_turn=lambda: None)))
            return stop

        yield start_one
        for stop, future in running:
            stop.set()
            future.result(10)


def deliver(broker: Broker, source: str = "/fulfilment", kind: str = "order.placed", sku: str = "SKU-000001", times: int = 1) -> str:
    order_id = str(uuid.uuid4())
    event = (EVENT % (uuid.uuid4(), source, kind, order_id, sku)).encode()
    for _ in range(times):
        broker.channel.basic_publish(broker.exchange, kind, event)
    return order_id


def test_an_event_stays_in_hand_while_celery_cannot_have_it(broker: Broker, celery: Celery, start: Callable[..., threading.Event]) -> None:
    celery.is_away = True
    order_id = deliver(broker)
    start()
    wait_until(lambda: celery.tries > 2, timeout_seconds=10, what="some tries")

    assert broker.count(topology.EVENTS) == 0  # not given back: that would count against its delivery limit
    celery.is_away = False
    wait_until(lambda: celery.tasks == [order_id], timeout_seconds=10, what="the task")


def test_an_event_that_celery_did_not_get_goes_back_to_its_queue(
    broker: Broker, celery: Celery, start: Callable[..., threading.Event]
) -> None:
    celery.is_away = True
    deliver(broker)
    stop = start()
    wait_until(lambda: celery.tries > 0, timeout_seconds=10, what="a try")
    stop.set()

    wait_until(lambda: broker.count(topology.EVENTS) == 1, timeout_seconds=10, what="the event to be back")


def test_an_acknowledged_event_is_gone(broker: Broker, celery: Celery, start: Callable[..., threading.Event]) -> None:
    order_ids = [deliver(broker) for _ in range(3)]
    stop = start()
    wait_until(lambda: celery.tasks == order_ids, timeout_seconds=10, what="the tasks")
    stop.set()
    start()
    order_ids.append(deliver(broker))

    wait_until(lambda: len(celery.tasks) > 3, timeout_seconds=10, what="the last task")
    assert celery.tasks == order_ids


def test_another_services_order_is_passed_over(broker: Broker, celery: Celery, start: Callable[..., threading.Event]) -> None:
    deliver(broker, source="/shop")
    deliver(broker, source="/fulfilment", kind="order.paid")
    own = deliver(broker)
    start()

    wait_until(lambda: celery.tasks == [own], timeout_seconds=10, what="the task")


@pytest.mark.django_db(transaction=True)
def test_another_services_paid_order_becomes_ours_once_however_often_it_is_delivered(
    broker: Broker, celery: Celery, start: Callable[..., threading.Event], mug: Product
) -> None:
    order_id = deliver(broker, source="/shop", kind="order.paid", times=3)
    start()

    wait_until(lambda: celery.tasks == [order_id] * 3, timeout_seconds=10, what="the tasks")  # fulfil_order knows repetitions itself
    [order] = Order.objects.all()
    assert (str(order.pk), [str(line) for line in order.lines.all()]) == (order_id, [f"2 × {mug.pk}"])


@pytest.mark.django_db(transaction=True)
def test_a_paid_order_of_what_we_do_not_sell_is_a_dead_letter(
    broker: Broker, celery: Celery, start: Callable[..., threading.Event], mug: Product
) -> None:
    deliver(broker, source="/shop", kind="order.paid", sku="NO-SUCH")
    start()

    wait_until(lambda: broker.count(f"{topology.EVENTS}.dead") == 1, timeout_seconds=10, what="the dead letter")
    assert broker.reasons(f"{topology.EVENTS}.dead") == ["Hopeless('UnknownProduct NO-SUCH')"]
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_paid_order_waits_for_the_database(
    broker: Broker, celery: Celery, start: Callable[..., threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def away_twice(**_: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAway

    monkeypatch.setattr(consumer, "accept_paid_order", away_twice)
    order_id = deliver(broker, source="/shop", kind="order.paid")
    start()

    wait_until(lambda: celery.tasks == [order_id], timeout_seconds=10, what="the task")


def test_consuming_goes_on_after_an_outage(
    broker: Broker, proxy: FaultProxy, celery: Celery, start: Callable[..., threading.Event]
) -> None:
    stop = start(broker.through(proxy))
    first = deliver(broker)
    wait_until(lambda: celery.tasks == [first], timeout_seconds=10, what="the first task")
    proxy.set("refuse")
    second = deliver(broker)
    proxy.set("pass")

    wait_until(lambda: celery.tasks[-1] == second, timeout_seconds=10, what="the second task")
    stop.set()
