"""The service's processes: stopped and killed with work in hand, and cut off from the database."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from fulfilment.messaging import topology
from fulfilment.models import Order, Product
from labkit import FaultProxy
from labkit.database import lab_database
from labkit.processes import free_port, is_serving, kill, running, served, wait_until
from patterns.messaging.inbox.models import Inbox
from tests.conftest import Broker
from tests.test_consumer import EVENT

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k3y-" * 20, "HTTPS": "0"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
BODY = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}


@pytest.fixture(scope="module")
def seeded() -> Iterator[str]:
    with lab_database("queue_faults") as url:
        for words in (["migrate", "--verbosity", "0"], ["seed"]):
            subprocess.run([sys.executable, "manage.py", *words], env={**os.environ, **PRODUCTION}, check=True, capture_output=True)
        yield url.replace("postgres://", "postgresql://")


@pytest.fixture
def database(seeded: str) -> str:
    """Without an order."""
    with psycopg.connect(seeded) as connection:
        connection.execute("TRUNCATE fulfilment_order, outbox_outboxevent CASCADE")
    return seeded


@contextmanager
def service(port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with served(port, **{**PRODUCTION, **environment}) as process:
        yield process


@contextmanager
def order_in_flight(port: int, database: str) -> Iterator[list[Any]]:
    """An order that has been written and not been committed: its event waits for a lock, until the block ends. Then: what came of it."""
    got: list[Any] = []
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as watcher:
        holder.execute("LOCK TABLE outbox_outboxevent")
        asking = threading.Thread(target=lambda: got.append(place(port)))
        asking.start()
        wait_until(lambda: watcher.execute(WAITING).fetchone() == (1,), timeout_seconds=20, what="the order in flight")
        yield got
        holder.rollback()
        asking.join(timeout=30)


def place(port: int) -> int:
    """The status; 0 when the connection ended without one."""
    try:
        return httpx.post(f"http://127.0.0.1:{port}/orders/", json=BODY, timeout=30).status_code
    except httpx.HTTPError:
        return 0


def rows(database: str) -> tuple[int, int]:
    """How many orders there are, and how many events."""
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT (SELECT count(*) FROM fulfilment_order), (SELECT count(*) FROM outbox_outboxevent)").fetchone()  # type: ignore[return-value]


def test_a_request_in_flight_is_answered_when_the_service_is_stopped(database: str) -> None:
    port = free_port()
    with service(port) as process:
        with order_in_flight(port, database) as got:
            process.terminate()
            wait_until(lambda: not is_serving(port, 1), timeout_seconds=20, what="the service to stop accepting")

        assert got == [202]
        assert process.wait(timeout=20) == 0
    assert rows(database) == (1, 1)


def test_a_service_that_is_killed_with_an_order_in_hand_leaves_neither_order_nor_event(database: str) -> None:
    port = free_port()
    with service(port) as process, order_in_flight(port, database) as got:
        kill(process)
        wait_until(lambda: got != [], timeout_seconds=20, what="the connection to end")

    assert got == [0]
    assert rows(database) == (0, 0)


def test_ready_is_503_while_the_database_is_away_and_200_again_by_itself(database: str) -> None:
    port, parts = free_port(), urlsplit(database)
    with FaultProxy(str(parts.hostname), int(parts.port or 5432)) as proxy:
        through = parts._replace(scheme="postgres", netloc=f"{parts.username}:{parts.password}@{proxy.host}:{proxy.port}").geturl()
        with service(port, DATABASE_URL=through):
            before = look(port)
            proxy.set("refuse")
            during = look(port)
            proxy.set("pass")
            wait_until(lambda: look(port) == before, timeout_seconds=20, what="the service to be ready again")

    assert (before, during) == ((200, 200), (200, 503))


def look(port: int) -> tuple[int, int]:
    """What /live and /ready answer."""
    live, ready = (httpx.get(f"http://127.0.0.1:{port}/{name}", timeout=20).status_code for name in ("live", "ready"))
    return live, ready


DIES_BEFORE_THE_ACK = """
import os, signal, threading, django
django.setup()
from django.conf import settings
from fulfilment.messaging import topology
from fulfilment.workers.consumer import handle_event
from patterns.messaging import consumer
stop = threading.Event()
def handle_and_die(body, properties):
    handle_event(body, stop=stop)
    os.kill(os.getpid(), signal.SIGKILL)
consumer.run(settings.RABBITMQ_URL, topology.events_queue(), handle_and_die, stop=stop)
"""


@pytest.mark.django_db(transaction=True)
def test_a_consumer_that_is_killed_between_commit_and_ack_gets_its_event_again_and_has_one_effect(
    broker: Broker, mug: Product, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**os.environ, **broker.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    events, tasks = f"{broker.prefix}.orders", f"{broker.prefix}.tasks"
    order_id = "00000000-0000-0000-0000-000000000007"
    settings.EVENTS_EXCHANGE = broker.exchange
    monkeypatch.setattr(topology, "EVENTS", events)
    topology.events_queue().declare(broker.channel)
    event = EVENT % ("00000000-0000-0000-0000-000000000001", "/shop", "order.paid", order_id, mug.sku)
    broker.channel.basic_publish(broker.exchange, "order.paid", event.encode())
    with running(["python", "-c", DIES_BEFORE_THE_ACK], **environment) as first:
        assert first.wait(timeout=30) == -signal.SIGKILL
    assert (Order.objects.count(), broker.count(tasks)) == (1, 1)  # committed, and handed on

    with running(["python", "manage.py", "consume_events"], **environment):
        wait_until(lambda: broker.count(tasks) == 2, timeout_seconds=30, what="the event's second delivery")
        wait_until(lambda: broker.count(events) == 0, timeout_seconds=10, what="the queue to be empty")

    assert (Order.objects.count(), Inbox.objects.count()) == (1, 1)  # the second task finds the order fulfilled
    assert broker.count(f"{events}.dead") == 0
