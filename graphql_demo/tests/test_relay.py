"""The relay as a process of its own, against a real broker."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from community.models import Product
from labkit.processes import running, wait_until
from patterns.messaging.outbox.models import OutboxEvent
from tests.conftest import Act
from tests.served import test_database

RELAY = ["python", "manage.py", "relay_outbox"]


@pytest.fixture
def url() -> str:
    return os.environ.get("RABBITMQ_URL") or pytest.fail("set RABBITMQ_URL=amqp://user:password@host:port/%2F")


@pytest.fixture
def archive(url: str) -> Iterator[Any]:
    """A channel, and the names of an exchange and its archive of this test's own."""
    exchange = f"test.community.{secrets.token_hex(4)}"
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as broker:
        channel = broker.channel()
        yield channel, exchange, f"{exchange}.archive.reviews"
        channel.queue_delete(f"{exchange}.archive.reviews")
        channel.exchange_delete(exchange)


@pytest.mark.django_db(transaction=True)
def test_a_posted_reviews_event_reaches_the_broker_also_with_nobody_listening(act: Act, users: list[Any], url: str, archive: Any) -> None:
    channel, exchange, queue = archive
    Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")
    assert act("postReview", users[0], "review { rating }", sku="SKU-000001", rating=5, body="Good.")["userErrors"] == []
    [stored] = OutboxEvent.objects.waiting()

    with running(RELAY, DATABASE_URL=test_database(), RABBITMQ_URL=url, EVENTS_EXCHANGE=exchange, DEBUG="1"):
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), timeout_seconds=60, what="an empty outbox")

    method, properties, body = channel.basic_get(queue, auto_ack=True)
    event = json.loads(body)
    assert (method.routing_key, properties.message_id) == ("review.posted", event["id"])
    assert event == stored.payload
    assert (event["type"], event["source"], event["data"]["author"]) == ("review.posted", "/community", "anna")


def test_without_a_broker_the_relay_says_what_is_missing() -> None:
    with running(RELAY, RABBITMQ_URL="", DEBUG="1") as process:
        assert process.wait(timeout=60) == 1
