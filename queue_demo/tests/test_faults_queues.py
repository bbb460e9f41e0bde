"""Queues that were declared with other arguments, and what an operator removes under live processes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pika
import pytest
from rest_framework.test import APIClient

from fulfilment.messaging import topology
from fulfilment.models import Order, Product
from labkit.processes import wait_until
from tests.conftest import Broker
from tests.processes import service
from tests.test_faults_tasks import send

pytestmark = pytest.mark.django_db(transaction=True)


def order(api: APIClient, mug: Product) -> str:
    return str(api.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, format="json").data["id"])


def fulfilled() -> int:
    return Order.objects.exclude(fulfilled_at=None).count()


def declare_as_before(broker: Broker) -> None:
    """Without at-least-once dead-lettering."""
    for name, dead, limit in (("orders", "", 20), ("tasks", f"{broker.prefix}.dead", 3)):
        routing_key = f"{broker.prefix}.orders.dead" if name == "orders" else f"{broker.prefix}.tasks"
        arguments = {
            **{"x-queue-type": "quorum", "x-delivery-limit": limit},
            **{"x-dead-letter-exchange": dead, "x-dead-letter-routing-key": routing_key},
        }
        broker.channel.queue_declare(f"{broker.prefix}.{name}", durable=True, arguments=arguments)
    broker.channel.exchange_declare(broker.exchange, "topic", durable=True)
    broker.channel.exchange_declare(f"{broker.prefix}.tasks", "topic", durable=True)
    broker.channel.queue_bind(f"{broker.prefix}.orders", broker.exchange, "order.placed")
    broker.channel.queue_bind(f"{broker.prefix}.tasks", f"{broker.prefix}.tasks", f"{broker.prefix}.tasks")


@pytest.mark.nightly
def test_processes_that_start_on_queues_of_before_migrate_them_and_lose_nothing(
    broker: Broker, api: APIClient, mug: Product, tmp_path: Path
) -> None:
    declare_as_before(broker)
    for number in range(3):
        send(broker, "fulfil_order", f"task-{number}", order(api, mug))
    with service(broker, tmp_path, "carry", "worker"):
        wait_until(lambda: fulfilled() == 3, timeout_seconds=30, what="the orders")

    assert broker.count(f"{broker.prefix}.tasks.dead") == 0


def test_the_command_migrates_them_too(broker: Broker, mug: Product) -> None:
    declare_as_before(broker)
    for number in range(5):
        broker.channel.basic_publish(broker.exchange, "order.placed", b"{}", pika.BasicProperties(message_id=f"m{number}"))
        send(broker, "fulfil_order", f"task-{number}", "00000000-0000-0000-0000-000000000007")

    done = subprocess.run(
        [sys.executable, "manage.py", "migrate_queues"], env={**os.environ, **broker.environment}, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["events moved: 5", "tasks moved: 5"], done.stderr
    assert (broker.count(f"{broker.prefix}.orders"), broker.count(f"{broker.prefix}.tasks")) == (5, 5)


@pytest.mark.nightly
@pytest.mark.parametrize("what", ["exchanges", "bindings"])
def test_what_is_removed_under_live_processes_comes_back_by_itself(
    broker: Broker, api: APIClient, mug: Product, tmp_path: Path, what: str
) -> None:
    prefix = broker.prefix
    with service(broker, tmp_path, "carry", "worker"):
        order(api, mug)
        wait_until(lambda: fulfilled() == 1, timeout_seconds=30, what="the first order")
        if what == "exchanges":
            for exchange in (broker.exchange, f"{prefix}.tasks", f"{prefix}.dead"):
                broker.channel.exchange_delete(exchange)
        else:
            broker.channel.queue_unbind(f"{prefix}.orders", broker.exchange, "order.placed")
            broker.channel.queue_unbind(f"{prefix}.tasks", f"{prefix}.tasks", f"{prefix}.tasks")
            broker.channel.queue_unbind(f"{prefix}.tasks", f"{prefix}.tasks", f"#.{prefix}.tasks")
            broker.channel.queue_unbind(f"{prefix}.tasks.dead", f"{prefix}.dead", f"{prefix}.tasks")
        order(api, mug)

        wait_until(lambda: fulfilled() == 2, timeout_seconds=40, what="the second order")
        assert broker.count(f"{prefix}.tasks.dead") == 0


@pytest.mark.nightly
def test_retries_that_expire_while_their_queue_is_missing_come_back(broker: Broker, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ tries again after three minutes."""
    settings.EVENTS_EXCHANGE = broker.exchange
    monkeypatch.setattr(topology, "EVENTS", f"{broker.prefix}.orders")
    queue = topology.events_queue()
    queue.declare(broker.channel)
    broker.channel.queue_delete(queue.name)
    for number in range(10):
        broker.channel.basic_publish("", queue.delay(0), str(number).encode())
    broker.channel.connection.sleep(2)
    queue.declare(broker.channel)

    wait_until(lambda: broker.count(queue.name) == 10, timeout_seconds=240, what="all ten")
