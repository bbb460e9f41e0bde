"""What may happen to the broker, done to a real one, with every process of ours at work; none of them is started again.

An outage lasts here as long as a RabbitMQ needs to start again. A longer one is no other: the relay asks every two seconds at most
from its sixth try on, Celery every 30 s at most.
"""

import contextlib
import json
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from django.db import connection, transaction
from pika.exceptions import AMQPError
from rest_framework.test import APIClient

from fulfilment.models import Product, Step
from labkit.processes import kill, running, wait_until
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.topology import WorkQueue
from tests.conftest import Broker
from tests.own_broker import PASSWORD, OwnBroker

pytestmark = [pytest.mark.native, pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROCESSES = {
    "relay": ["manage.py", "relay_outbox"],
    "consumer": ["manage.py", "consume_events"],
    "worker": [
        *("-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ],
}
ALARM_SECONDS = 30  # two time-outs of the transport's, and a pause
# each change of an order to fulfilled leaves a row: an effect that happens twice is seen, also one that changes nothing more
EFFECTS = """
CREATE TABLE test_effects (order_id uuid NOT NULL);
CREATE FUNCTION test_effect() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO test_effects VALUES (NEW.id); RETURN NEW; END $$;
CREATE TRIGGER test_effect AFTER UPDATE ON fulfilment_order
    FOR EACH ROW WHEN (NEW.fulfilled_at IS DISTINCT FROM OLD.fulfilled_at) EXECUTE FUNCTION test_effect();
"""
NO_EFFECTS = "DROP TRIGGER test_effect ON fulfilment_order; DROP FUNCTION test_effect; DROP TABLE test_effects"


@dataclass
class House:
    broker: OwnBroker
    exchange: str
    folder: Path
    processes: dict[str, Any]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as opened:
            yield opened.channel()

    @property
    def is_whole(self) -> bool:
        return all(process.poll() is None for process in self.processes.values())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    """All processes, on a broker of this module's own."""
    folder = tmp_path_factory.mktemp("house")
    own = OwnBroker(tmp_path_factory.mktemp("rabbitmq"))
    with django_db_blocker.unblock(), contextlib.closing(own), contextlib.ExitStack() as stack:
        run_sql(EFFECTS)
        own.start()
        APIClient().get("/live")  # the first request loads the service
        environment = Broker(own.url, None, "faults").environment
        processes = {}
        for name, argv in PROCESSES.items():
            logged = ["sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", str(folder / f"{name}.log"), sys.executable, *argv]
            processes[name] = stack.enter_context(running(logged, **environment, ALIVE_FILE=str(folder / name), PYTHONUNBUFFERED="1"))
        wait_until(lambda: all((folder / name).exists() for name in PROCESSES), timeout_seconds=60, what="all processes")
        yield House(own, environment["EVENTS_EXCHANGE"], folder, processes)
        for process in processes.values():
            kill(process)
        stack.close()
        run_sql(NO_EFFECTS)


def run_sql(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def order(api: APIClient, count: int) -> list[str]:
    """Places so many orders; returns their ids. All are taken, whatever the broker does, and none waits for it."""
    placed = []
    began = time.monotonic()
    for _ in range(count):
        answer = api.post("/orders/", {"lines": [{"sku": "SKU-000001", "quantity": 1}]}, format="json")
        assert answer.status_code == 202
        placed.append(str(answer.data["id"]))
    # on average: a busy machine may hold up one of them, a broker with an alarm would hold up each for the publisher's three seconds
    assert (time.monotonic() - began) / count < 1
    return placed


def append(sequence: int) -> None:
    """One event for each of ten aggregates; nobody here reads them but the test."""
    with transaction.atomic():
        for number in range(10):
            payload = {"aggregate": number, "sequence": sequence}
            event_id = f"00000000-0000-0000-{sequence:04d}-{number:012d}"
            OutboxEvent.objects.append(event_id=event_id, aggregate=f"test/{number}", routing_key="test", payload=payload)


def effects() -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT order_id, count(*) FROM test_effects GROUP BY order_id")
        return Counter({str(order_id): count for order_id, count in cursor.fetchall()})


def done(orders: list[str]) -> int:
    return len(effects().keys() & set(orders))


def unmarked(orders: list[str]) -> int:
    """How many of the orders' events are still in the outbox, unmarked."""
    return OutboxEvent.objects.waiting().filter(aggregate__in=[f"order/{order_id}" for order_id in orders]).count()


def test_a_broker_that_is_killed_with_two_hundred_orders_in_flight_loses_none(house: House, api: APIClient, mug: Product) -> None:
    with house.channel() as channel:
        channel.queue_declare("audit", durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind("audit", house.exchange, "test")
    append(1)
    orders = order(api, 210)
    append(2)
    wait_until(lambda: done(orders) >= 10, timeout_seconds=60, what="some orders")

    house.broker.kill()
    while_it_is_away = order(api, 10)
    append(3)
    assert unmarked(while_it_is_away) == 10
    before = done(orders)
    house.broker.start()

    wait_until(lambda: done(orders + while_it_is_away) > before, timeout_seconds=30, what="the first order after the outage")
    wait_until(lambda: done(orders + while_it_is_away) == 220, timeout_seconds=90, what="all orders")
    assert set(effects().values()) == {1}
    wait_until(lambda: not OutboxEvent.objects.waiting().exists(), timeout_seconds=10, what="the outbox to be empty")
    assert sequences(house) == {number: [1, 2, 3] for number in range(10)}
    assert house.is_whole  # nothing of ours was started again
    assert not any(PASSWORD in house.log(name) for name in PROCESSES)


def sequences(house: House) -> dict[int, list[int]]:
    """What arrived of each aggregate, in order; what the outage made arrive twice in a row counts once."""
    found: dict[int, list[int]] = defaultdict(list)
    with house.channel() as channel:
        while (message := channel.basic_get("audit", auto_ack=True))[0]:
            event = json.loads(message[2])
            if found[event["aggregate"]][-1:] != [event["sequence"]]:
                found[event["aggregate"]].append(event["sequence"])
        channel.queue_delete("audit")
    return found


def test_a_broker_with_a_memory_alarm_stops_no_order_and_loses_none(house: House, api: APIClient, mug: Product) -> None:
    said = len(house.log("relay"))
    house.broker.set_memory_alarm(True)
    orders = order(api, 10)
    wait_until(lambda: "events are kept" in house.log("relay")[said:], timeout_seconds=30, what="the relay to give up")
    assert unmarked(orders) == 10

    house.broker.set_memory_alarm(False)

    wait_until(lambda: done(orders) == 10, timeout_seconds=60, what="all orders")
    assert set(effects().values()) == {1}
    assert house.is_whole


@pytest.mark.slow
def test_a_work_queue_its_delays_and_dead_letters_survive_a_kill_of_the_broker(tmp_path: Path) -> None:
    queue = WorkQueue("survives", "survives.events", ["order.placed"], delays_seconds=[3600])
    names = (queue.name, queue.delay(0), queue.dead)
    with contextlib.closing(OwnBroker(tmp_path)) as broker:
        broker.start()
        with connected(broker) as channel:
            queue.declare(channel)
        broker.stop()  # within its first seconds RabbitMQ has a queue in memory only
        broker.start()
        with connected(broker) as channel:
            channel.confirm_delivery()
            for name in names:
                channel.basic_publish("", name, name.encode())
        broker.kill()
        broker.start()

        def found() -> list[bytes | None]:
            """Empty while the broker, which listens already, is not ready yet."""
            try:
                with connected(broker) as channel:
                    return [channel.basic_get(name)[2] for name in names]
            except (AMQPError, OSError):
                return []

        wait_until(lambda: found() == [name.encode() for name in names], timeout_seconds=120, what="one message in each queue")
        with connected(broker) as channel:
            channel.confirm_delivery()
            channel.basic_publish(queue.exchange, "order.placed", b"its binding", mandatory=True)


@contextlib.contextmanager
def connected(broker: OwnBroker) -> Iterator[Any]:
    parameters = pika.URLParameters(broker.url)
    parameters.connection_attempts, parameters.retry_delay = 20, 1
    opened = pika.BlockingConnection(parameters)
    yield opened.channel()
    opened.close()


def test_a_full_queue_keeps_events_in_the_outbox_until_it_is_read(house: House, api: APIClient, mug: Product) -> None:
    """A second reader of ours has stopped reading. The broker refuses the event for all, though the first one has it already."""
    with house.channel() as channel:
        channel.queue_declare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        channel.queue_bind("full", house.exchange, "order.placed")
        orders = order(api, 10)
        wait_until(lambda: OutboxEvent.objects.waiting().filter(refusals__gt=0).count() == 9, timeout_seconds=30, what="refusals")
        assert unmarked(orders) == 9

        channel.queue_delete("full")

    wait_until(lambda: unmarked(orders) == 0, timeout_seconds=60, what="the outbox to be empty")
    wait_until(lambda: done(orders) == 10, timeout_seconds=60, what="all orders")
    assert set(effects().values()) == {1}
    assert house.is_whole


def test_tasks_that_cannot_be_handed_on_during_an_alarm_wait_for_its_end(house: House, api: APIClient, mug: Product) -> None:
    kill(house.processes["worker"], signal.SIGSTOP)
    try:
        orders = order(api, 10)
        # not the number of tasks in the queue: retries of the orders before come back to it
        handed = [f"order {order_id} handed to Celery" for order_id in orders]
        wait_until(lambda: all(line in house.log("consumer") for line in handed), timeout_seconds=30, what="the tasks of all orders")
        house.broker.set_memory_alarm(True)
    finally:
        kill(house.processes["worker"], signal.SIGCONT)
    wait_until(lambda: Step.objects.filter(name=Step.STOCK_BOOKED).exists(), timeout_seconds=30, what="a task with another to hand on")
    time.sleep(ALARM_SECONDS)  # long enough for a publisher with a limited number of tries to give up
    assert done(orders) == 0

    house.broker.set_memory_alarm(False)

    wait_until(lambda: done(orders) == 10, timeout_seconds=60, what="all orders")
    assert set(effects().values()) == {1}
    with house.channel() as channel:
        letters = []
        while (message := channel.basic_get("faults.tasks.dead", auto_ack=True))[0]:
            letters.append(message[2].decode())
    # those of the tests before have lost their rows, with which a test ends
    assert [letter for letter in letters if any(order_id in letter for order_id in orders)] == []
    assert house.is_whole
