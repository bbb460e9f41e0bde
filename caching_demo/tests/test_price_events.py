import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from catalogue import price_events
from catalogue import store as store_module
from catalogue.models import Product, SeenEvent, ViewCount
from catalogue.pages import product_page
from catalogue.price_events import Malformed, PriceChanged, apply, parse, queue, work_queue
from labkit import FaultProxy
from labkit.processes import kill, running, wait_until
from patterns.caching.write_behind.buffer import Buffer
from tests.test_process import database_url, service

pytestmark = pytest.mark.slow


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


def waiting(channel: Any, name: str) -> int:
    return int(channel.queue_declare(name, passive=True).method.message_count)


def consumer(**environment: str) -> Any:
    names = {"QUEUE_PREFIX": configured.QUEUE_PREFIX, "EVENTS_EXCHANGE": configured.EVENTS_EXCHANGE}
    return running(["python", "manage.py", "catch_up"], DATABASE_URL=database_url(), DEBUG="1", **names, **environment)


def test_nonsense_goes_to_the_dead_letters_and_its_neighbours_are_heard(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None]
) -> None:
    publish(b"nonsense")
    publish(json.dumps(event("5.90")).encode())
    with consumer():
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the price")
        wait_until(lambda: waiting(channel, f"{queue()}.dead") == 1, timeout_seconds=10, what="the dead letter")


class Milliseconds(pika.BasicProperties):
    """A header with milliseconds where AMQP has seconds: pika cannot decode the year 58883."""

    def encode(self) -> list[bytes]:
        table = b"\x07sent-atT" + (1_796_017_368_000).to_bytes(8, "big")
        return [self.FLAG_HEADERS.to_bytes(2, "big"), len(table).to_bytes(4, "big"), table]


def test_a_header_that_cannot_be_decoded_goes_to_the_dead_letters_at_once(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None]
) -> None:
    body = json.dumps(event("4.90")).encode()
    channel.basic_publish(configured.EVENTS_EXCHANGE, "product.price_changed", body, Milliseconds())
    publish(json.dumps(event("5.90")).encode())
    with consumer() as process:
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the price")
        wait_until(lambda: waiting(channel, f"{queue()}.dead") == 1, timeout_seconds=10, what="the dead letter")
        assert process.poll() is None


def test_a_consumer_that_is_killed_before_it_has_acknowledged_has_one_effect(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None]
) -> None:
    publish(json.dumps(event("5.90")).encode())
    with pika.BlockingConnection(pika.URLParameters(configured.RABBITMQ_URL)) as first:
        dying = first.channel()
        wait_until(lambda: waiting(channel, queue()) == 1, timeout_seconds=10, what="the event")
        _, properties, body = dying.basic_get(queue())
        price_events.handle(body, properties)
    with consumer() as second:
        wait_until(lambda: waiting(channel, queue()) == 0, timeout_seconds=30, what="the event to be acknowledged")
        kill(second)

    assert (SeenEvent.objects.count(), price(), waiting(channel, work_queue().dead)) == (1, Decimal("5.90"), 0)


@pytest.mark.parametrize("store", ["redis", "memcached"])
def test_a_price_that_the_shop_announces_is_on_the_page(
    committed_mug: Product, publish: Callable[[bytes], None], tmp_path: Path, store: str
) -> None:
    page = "/products/SKU-000001/"
    with service(tmp_path / "log", DATABASE_URL=database_url(), CACHE=store) as (visitor, _), consumer(CACHE=store):
        visitor.get(page)
        before = visitor.get(page)
        publish(json.dumps(event("5.90", source="/shop", subject="product:SKU-000001", correlationid="c1")).encode())
        wait_until(lambda: visitor.get(page).json()["price"] != "4.90", timeout_seconds=30, what="the new price")
        after = [visitor.get(page) for _ in range(2)]

    assert (before.json()["price"], before.headers["Cache-Status"].startswith("catalogue; hit")) == ("4.90", True)
    assert {each.json()["price"] for each in after} == {"5.90"}
    assert {each.headers["Cache-Status"].partition("; ttl")[0] for each in after} == {"catalogue; hit"}


def test_while_the_broker_is_away_views_are_brought_over_and_then_prices_are_heard(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None], tmp_path: Path
) -> None:
    url, alive = urlsplit(configured.RABBITMQ_URL), tmp_path / "alive"
    views = Buffer(store_module.client(configured.REDIS_URL), "catalogue:views")  # the process has the settings' own prefix
    views.client.delete("{catalogue:views}", "{catalogue:views}:batch")
    views.add(committed_mug.sku, 3)
    publish(json.dumps(event("5.90")).encode())
    with FaultProxy(url.hostname or "", url.port or 5672) as proxy:
        proxy.set("refuse")
        through = url._replace(netloc=f"{url.username}:{url.password}@{proxy.host}:{proxy.port}").geturl()
        with consumer(RABBITMQ_URL=through, ALIVE_FILE=str(alive)):
            wait_until(lambda: counted(committed_mug) == 3, timeout_seconds=30, what="the views")
            wait_until(alive.exists, timeout_seconds=10, what="the file that says that it lives")
            unheard = price()
            proxy.set("pass")
            wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the price")

    assert unheard == Decimal("4.90")


def counted(product: Product) -> int:
    return sum(ViewCount.objects.filter(product=product).values_list("count", flat=True))


def test_ids_of_old_events_are_forgotten(committed_mug: Product) -> None:
    old, new = parsed("5.90"), parsed("6.90", time="2026-11-22T12:00:01Z")
    for each in (old, new):
        apply(each)
    SeenEvent.objects.filter(id=old.event_id).update(seen_at=timezone.now() - timedelta(days=price_events.KEPT_DAYS, seconds=1))

    assert price_events.prune() == 1
    assert SeenEvent.objects.get().id == new.event_id
    assert apply(old)  # its late copy has no effect all the same
    assert price() == Decimal("6.90")
