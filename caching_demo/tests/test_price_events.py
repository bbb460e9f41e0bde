import json
import os
import secrets
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pika
import pytest
from django.conf import settings as configured
from django.test import Client

from catalogue import price_events
from catalogue.models import Product, SeenEvent
from catalogue.pages import product_page
from catalogue.price_events import Malformed, PriceChanged, apply, declare, parse, queue
from labkit.processes import kill, running, wait_until
from tests.test_process import database_url


def event(price: str = "5.90", *, sku: str = "SKU-000001", time: str = "2026-11-22T12:00:00Z", **changes: Any) -> dict[str, Any]:
    data = {"sku": sku, "price": price}
    return {"specversion": "1.0", "id": str(uuid.uuid4()), "type": "product.price_changed", "time": time, "data": data, **changes}


def parsed(*words: Any, **changes: Any) -> PriceChanged:
    return parse(json.dumps(event(*words, **changes)).encode())


def price() -> Decimal:
    return Product.objects.get().price


def test_a_price_that_was_changed_elsewhere_is_on_the_page(committed_mug: Product) -> None:
    product_page(sku=committed_mug.sku)
    apply(parsed("5.90"))

    assert product_page(sku=committed_mug.sku).content["price"] == "5.90"


def test_an_event_that_is_delivered_twice_has_one_effect(committed_mug: Product, client: Client) -> None:
    first = parsed("5.90")
    Product.objects.update(priced_at=None)

    assert [apply(first), apply(first)] == [True, False]
    assert SeenEvent.objects.count() == 1


def test_an_older_price_that_comes_later_changes_nothing(committed_mug: Product) -> None:
    for each in (parsed("5.90", time="2026-11-22T12:00:01Z"), parsed("3.90", time="2026-11-22T12:00:00Z")):
        apply(each)

    assert price() == Decimal("5.90")


def test_a_price_of_what_is_no_product_here_is_done_with(committed_mug: Product) -> None:
    assert apply(parsed(sku="SKU-999999"))
    assert price() == Decimal("4.90")


NONSENSE = [
    b"", b"\xff", b"[]", b"7", b"null", b"[" * 50_000, b"x" * 70_000, b"\x80\x04.",
    *(json.dumps(event(**change)).encode() for change in (
        {"specversion": "2.0"}, {"type": "product.deleted"}, {"id": "1"}, {"id": None}, {"time": None}, {"time": "soon"},
        {"time": "2026-11-22T12:00:00"}, {"data": None}, {"data": {}}, {"price": "-1"}, {"price": "NaN"}, {"price": "1e999"},
        {"sku": "\x00"}, {"data": {"sku": 7, "price": "5.90"}},
    )),
]  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
def test_what_is_no_event_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


@pytest.fixture
def channel(settings: Any) -> Iterator[Any]:
    if not settings.RABBITMQ_URL:
        pytest.fail("these tests need RabbitMQ: `make test` starts one, or set RABBITMQ_URL")
    settings.QUEUE_PREFIX, settings.EVENTS_EXCHANGE = f"test-{secrets.token_hex(8)}", f"test-{secrets.token_hex(8)}"
    with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as connection:
        channel = connection.channel()
        declare(channel)
        yield channel
        channel.exchange_delete(settings.EVENTS_EXCHANGE)
        for name in (queue(), f"{queue()}.dead"):
            channel.queue_delete(name)


def waiting(channel: Any, name: str) -> int:
    return int(channel.queue_declare(name, passive=True).method.message_count)


@pytest.fixture
def publish(channel: Any) -> Callable[[bytes], None]:
    return lambda body: channel.basic_publish(configured.EVENTS_EXCHANGE, "product.price_changed", body)


def consumer() -> Any:
    names = {"QUEUE_PREFIX": configured.QUEUE_PREFIX, "EVENTS_EXCHANGE": configured.EVENTS_EXCHANGE}
    return running(["python", "manage.py", "consume_prices"], DATABASE_URL=database_url(), DEBUG="1", **names)


def test_nonsense_goes_to_the_dead_letters_and_its_neighbours_are_heard(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None]
) -> None:
    publish(b"nonsense")
    publish(json.dumps(event("5.90")).encode())
    with consumer():
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the price")
        wait_until(lambda: waiting(channel, f"{queue()}.dead") == 1, timeout_seconds=10, what="the dead letter")


def test_a_consumer_that_is_killed_before_it_has_acknowledged_has_one_effect(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def die(*_: Any) -> None:
        raise KilledError

    body = json.dumps(event("5.90")).encode()
    publish(body)
    with pika.BlockingConnection(pika.URLParameters(configured.RABBITMQ_URL)) as first:
        dying = first.channel()
        monkeypatch.setattr(dying, "basic_ack", die)
        with pytest.raises(KilledError):
            price_events.consume(dying, stop=threading.Event(), on_turn=lambda: None)
    with consumer() as second:
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the price")
        wait_until(lambda: waiting(channel, queue()) == 0, timeout_seconds=30, what="the event to be acknowledged")
        kill(second)

    assert SeenEvent.objects.count() == 1


def test_without_a_broker_it_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "consume_prices"],
        env={**os.environ, "RABBITMQ_URL": ""}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert (done.returncode, "RABBITMQ_URL is missing" in done.stderr) == (1, True)
