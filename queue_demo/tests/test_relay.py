"""The outbox and the publisher together, against a real broker and through its faults."""

import contextlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from fulfilment.models import Order, Product
from fulfilment.services import place_order
from labkit import FaultProxy
from labkit.processes import running, wait_until
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import Batch, Relay
from patterns.messaging.publisher import Publisher
from tests.conftest import Broker

pytestmark = pytest.mark.django_db(transaction=True)

RELAY = ["python", "manage.py", "relay_outbox"]


@pytest.fixture
def publisher(broker: Broker, proxy: FaultProxy) -> Iterator[Publisher]:
    with contextlib.closing(Publisher(broker.through(proxy), broker.exchange)) as publisher:
        yield publisher


def in_its_own_connection(work: Callable[[], Batch]) -> Batch:
    try:
        return work()
    finally:
        connection.close()


def step(publisher: Publisher) -> Batch:
    return Relay(publisher.publish).run_once()


def place() -> Order:
    return place_order(quantities={"SKU-000001": 1}, correlation_id="a-request")


def waiting() -> int:
    return OutboxEvent.objects.waiting().count()


def test_an_order_that_is_rolled_back_sends_no_event(broker: Broker, publisher: Publisher, mug: Product) -> None:
    queue = broker.bind()
    with transaction.atomic():
        place()
        transaction.set_rollback(True)
    kept = place()

    step(publisher)

    [body] = broker.bodies(queue)
    assert json.loads(body)["data"]["order_id"] == str(kept.pk)


def test_an_unroutable_event_is_kept_unmarked_until_a_queue_is_bound(broker: Broker, publisher: Publisher, mug: Product) -> None:
    place()
    assert step(publisher) == Batch(refused=1, is_last=True)
    assert waiting() == 1

    queue = broker.bind()
    wait_until(lambda: step(publisher).published == 1, timeout_seconds=5, what="the next try")

    assert len(broker.bodies(queue)) == 1


def test_an_event_that_a_full_queue_refuses_is_kept(broker: Broker, publisher: Publisher, mug: Product) -> None:
    broker.bind(**{"x-max-length": 1, "x-overflow": "reject-publish"})
    place()
    place()

    assert step(publisher) == Batch(published=1, refused=1, is_last=True)
    assert waiting() == 1


def test_an_outage_in_mid_flight_is_reported_and_passes(broker: Broker, publisher: Publisher, proxy: FaultProxy, mug: Product) -> None:
    queue = broker.bind()
    place()
    assert step(publisher) == Batch(published=1, is_last=True)
    place()

    proxy.set("refuse")
    assert [bool(step(publisher).outage) for _ in range(2)] == [True, True]
    assert waiting() == 1

    proxy.set("pass")
    assert step(publisher) == Batch(published=1, is_last=True)
    assert len(broker.bodies(queue)) == 2


def test_an_event_whose_confirm_got_lost_is_published_again(broker: Broker, publisher: Publisher, proxy: FaultProxy, mug: Product) -> None:
    queue = broker.bind()
    place()
    assert step(publisher) == Batch(published=1, is_last=True)
    place()
    proxy.set("drop_reply")

    with ThreadPoolExecutor(1) as pool:
        unconfirmed = pool.submit(in_its_own_connection, lambda: step(publisher))
        wait_until(lambda: broker.count(queue) == 2, timeout_seconds=10, what="the event whose confirm is dropped")
        proxy.set("cut")
        assert unconfirmed.result(10).outage
    proxy.set("pass")
    assert step(publisher) == Batch(published=1, is_last=True)

    first, second, again = broker.bodies(queue)
    assert second == again != first


DIES_BEFORE_THE_MARK = """
import os, signal, django
django.setup()
from django.conf import settings
from patterns.messaging.outbox.relay import Batch, Relay
from patterns.messaging.publisher import Publisher
publisher = Publisher(settings.RABBITMQ_URL, settings.EVENTS_EXCHANGE)
def publish_and_die(*message):
    publisher.publish(*message)
    os.kill(os.getpid(), signal.SIGKILL)
Relay(publish_and_die).run_once()
"""


def test_an_event_whose_relay_was_killed_between_confirm_and_mark_is_published_again(
    broker: Broker, publisher: Publisher, mug: Product
) -> None:
    queue = broker.bind()
    place()
    environment = {**os.environ, **broker.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    killed = subprocess.run([sys.executable, "-c", DIES_BEFORE_THE_MARK], env=environment, timeout=30)
    assert killed.returncode == -9
    assert waiting() == 1

    # the server learns of the death, and frees the row, a moment later
    wait_until(lambda: step(publisher).published == 1, timeout_seconds=10, what="the next relay")

    first, second = broker.bodies(queue)
    assert first == second


def test_two_live_relays_publish_no_event_twice_and_keep_each_orders_sequence(broker: Broker, mug: Product) -> None:
    queue = broker.bind()
    for sequence in range(5):
        with transaction.atomic():
            for order in range(20):
                OutboxEvent.objects.append(
                    event_id=f"00000000-0000-0000-{sequence:04d}-{order:012d}",
                    aggregate=f"order/{order}",
                    routing_key="order.placed",
                    payload={"order": order, "sequence": sequence},
                )

    with running(RELAY, **broker.environment), running(RELAY, **broker.environment):
        wait_until(lambda: waiting() == 0, timeout_seconds=20, what="the outbox to be empty")

    arrived = defaultdict(list)
    for body in broker.bodies(queue):
        event = json.loads(body)
        arrived[event["order"]].append(event["sequence"])
    assert arrived == {order: [0, 1, 2, 3, 4] for order in range(20)}
