"""What goes wrong in a task: arguments that no order has, and a database that is away."""

import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from django.db import connection
from rest_framework.test import APIClient

from fulfilment.models import Order, Product, TaskFailure
from labkit import FaultProxy
from labkit.processes import wait_until
from tests.conftest import Broker
from tests.processes import service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def send(broker: Broker, name: str, task_id: str, *arguments: Any) -> None:
    """A task as Celery sends it."""
    headers = {"lang": "py", "task": f"fulfilment.tasks.{name}", "id": task_id, "retries": 0}
    follows = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    properties = pika.BasicProperties("application/json", "utf-8", headers, correlation_id=task_id)
    broker.channel.basic_publish(f"{broker.prefix}.tasks", f"{broker.prefix}.tasks", json.dumps([arguments, {}, follows]), properties)


def test_a_task_with_arguments_that_no_order_has_is_one_dead_letter_with_a_reason(broker: Broker, tmp_path: Path) -> None:
    with service(broker, tmp_path, "worker") as shop:
        send(broker, "fulfil_order", "no-uuid", "xx")
        send(broker, "print_label", "no-argument")
        send(broker, "email_invoice", "a-list", ["xx"])
        send(broker, "fulfil_order", "unknown", "00000000-0000-0000-0000-000000000007")
        wait_until(lambda: broker.count(f"{broker.prefix}.tasks.dead") >= 4, timeout_seconds=20, what="the dead letters")
        wait_until(lambda: TaskFailure.objects.count() == 4, timeout_seconds=5, what="the reasons")
        letters = {letter["message_id"]: letter["reason"] for letter in shop.get("/dead-letters/")}

        assert broker.count(f"{broker.prefix}.tasks.dead") == len(letters) == 4
        assert letters["no-uuid"].startswith("fulfil order given up: ValidationError")
        assert letters["no-argument"].startswith("print label given up: TypeError print_label() missing 1 required")
        assert letters["a-list"].startswith("email invoice given up: ValidationError")
        assert letters["unknown"].startswith("fulfil order given up: DoesNotExist")
        assert "Retry in" not in shop.log("worker")


@pytest.mark.nightly
def test_orders_in_flight_outlast_a_database_that_is_away_for_nine_seconds(
    broker: Broker, api: APIClient, mug: Product, tmp_path: Path
) -> None:
    """Five counted tries with full jitter last 15 s on average, so some orders would be given up."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    with FaultProxy(str(parts.hostname), int(parts.port or 5432)) as proxy:
        netloc = f"{parts.username}:{parts.password}@{proxy.host}:{proxy.port}"
        through = parts._replace(netloc=netloc, path=f"/{connection.settings_dict['NAME']}").geturl()
        with service(broker, tmp_path, "carry", "worker", DATABASE_URL=through) as shop:
            orders = [api.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, format="json").data["id"] for _ in range(60)]
            wait_until(lambda: Order.objects.exclude(fulfilled_at=None).exists(), timeout_seconds=30, what="the first order")
            proxy.set("refuse")
            wait_until(lambda: "refused" in shop.log("worker"), timeout_seconds=10, what="a task that fails")
            time.sleep(9)
            proxy.set("pass")
            wait_until(lambda: not Order.objects.filter(fulfilled_at=None).exists(), timeout_seconds=90, what="all orders")

        assert Order.objects.count() == len(orders)
        assert (broker.count(f"{broker.prefix}.tasks.dead"), broker.count(f"{broker.prefix}.orders.dead")) == (0, 0)
        noted = [entry for order in Order.objects.all() for entry in order.timeline() if entry["step"].endswith(" waited")]
        assert noted
        assert all("OperationalError" in entry["detail"] for entry in noted)
