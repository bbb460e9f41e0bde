"""The relay as a process of its own, against a real broker."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from django.db import connection
from rest_framework.test import APIClient

from labkit.processes import running, wait_until
from patterns.messaging.outbox.models import OutboxEvent
from shop.models import Product

pytestmark = pytest.mark.slow

RELAY = ["python", "manage.py", "relay_outbox"]


@pytest.fixture
def url() -> str:
    return os.environ.get("RABBITMQ_URL") or pytest.fail("set RABBITMQ_URL=amqp://user:password@host:port/%2F")


@pytest.fixture
def archive(url: str) -> Iterator[Any]:
    """A channel, and the names of an exchange and its archive of this test's own."""
    exchange = f"test.shop.{secrets.token_hex(4)}"
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as broker:
        channel = broker.channel()
        yield channel, exchange, f"{exchange}.archive"
        channel.queue_delete(f"{exchange}.archive")
        channel.exchange_delete(exchange)


@pytest.mark.django_db(transaction=True)
def test_an_orders_events_reach_the_broker_also_with_nobody_listening(api: APIClient, mug: Product, url: str, archive: Any) -> None:
    channel, exchange, queue = archive
    order = api.post("/api/v1/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, format="json", headers={"Idempotency-Key": "a"}).data
    api.post(f"/api/v1/orders/{order['id']}/cancellation/")

    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with running(RELAY, DATABASE_URL=database, RABBITMQ_URL=url, EVENTS_EXCHANGE=exchange, DEBUG="1"):
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), timeout_seconds=60, what="an empty outbox")

    events = [json.loads(channel.basic_get(queue, auto_ack=True)[2]) for _ in range(2)]
    assert [(event["type"], event["source"], event["data"]["order_id"]) for event in events] == [
        ("order.placed", "/shop", order["id"]),
        ("order.cancelled", "/shop", order["id"]),
    ]


def test_without_a_broker_the_relay_says_what_is_missing() -> None:
    with running(RELAY, RABBITMQ_URL="", DEBUG="1") as process:
        assert process.wait(timeout=60) == 1
