"""Events that are valid JSON and yet must not be stored as they are."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pika
import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError
from django.test import Client
from django.utils import timezone
from pika.exceptions import ChannelClosedByBroker

from catalogue import price_events
from catalogue.models import Product
from catalogue.price_events import Malformed, apply, parse, queue, work_queue
from catalogue.services import change_price
from labkit.processes import wait_until
from patterns.caching.generations import NotInvalidated
from patterns.messaging import consumer
from tests.test_price_events import event, parsed, price, waiting

HOSTILE: list[dict[str, Any]] = [
    {"time": "9999-12-31T23:59:59-14:00"},  # year 10000 in UTC: Python cannot read it back
    {"time": "9999-12-31T23:59:59Z"},
    {"time": "0001-01-01T00:00:00+14:00"},
    {"time": "1999-12-31T23:59:59Z"},
    {"time": (timezone.now() + timedelta(days=1)).isoformat()},
    {"sku": "\ud800"},
    {"sku": "SKU-000001\n"},
    {"sku": "S" * 33},
    {"sku": ""},
    {"sku": ["SKU-000001"]},
    {"price": True},
]


@pytest.mark.parametrize("change", HOSTILE, ids=range(len(HOSTILE)))
def test_an_event_out_of_bounds_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse(json.dumps(event(**change)).encode())


@contextlib.contextmanager
def consuming() -> Iterator[None]:
    """The consumer in a thread of this process, until the block ends."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(price_events.run, url=settings.RABBITMQ_URL, stop=stop, on_turn=lambda: None)
        try:
            yield
        finally:
            stop.set()
            running.result(30)


def consumed(channel: Any, *, until: Callable[[], bool]) -> tuple[int, int]:
    """How many of the events are left in the queue, and how many are dead letters."""
    with consuming():
        wait_until(until, timeout_seconds=30, what="the events")
    return waiting(channel, queue()), waiting(channel, work_queue().dead)


def test_hostile_events_are_dead_letters_at_once_and_all_pages_work(
    client: Client,
    committed_mug: Product,
    channel: Any,
    publish: Callable[[bytes], None],
) -> None:
    bodies = [json.dumps(event(**change)).encode() for change in HOSTILE] + [json.dumps(event("5.90")).encode()]
    for body in bodies:
        publish(body)

    assert consumed(channel, until=lambda: price() == Decimal("5.90")) == (0, len(HOSTILE))
    answers = [client.get(page) for page in ("/products/SKU-000001/", "/products/", "/products.json")]
    assert ([each.status_code for each in answers], price()) == ([200] * 3, Decimal("5.90"))


@pytest.mark.parametrize("error", [DataError, IntegrityError, UnicodeEncodeError, ZeroDivisionError])
def test_an_event_that_fails_for_its_own_sake_is_a_dead_letter(
    committed_mug: Product,
    channel: Any,
    publish: Callable[[bytes], None],
    monkeypatch: Any,
    error: type[Exception],
) -> None:
    def fail(_: Any) -> None:
        raise error("utf-8", "", 0, 1, "") if error is UnicodeEncodeError else error

    monkeypatch.setattr(price_events, "apply", fail)
    publish(json.dumps(event("5.90")).encode())

    assert consumed(channel, until=lambda: waiting(channel, work_queue().dead) == 1) == (0, 1)


@pytest.mark.parametrize("error", [OperationalError, NotInvalidated])
def test_an_event_waits_for_a_server_that_is_down_or_refuses(
    committed_mug: Product,
    channel: Any,
    publish: Callable[[bytes], None],
    monkeypatch: Any,
    error: type[Exception],
) -> None:
    tries: list[int] = []

    def fail_once(found: Any) -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return apply(found)

    monkeypatch.setattr(price_events, "DELAYS_SECONDS", (0.05,))
    monkeypatch.setattr(price_events, "apply", fail_once)
    publish(json.dumps(event("5.90")).encode())

    left = consumed(channel, until=lambda: price() == Decimal("5.90"))
    channel.queue_delete(work_queue().delay(0))

    assert (left, len(tries)) == ((0, 0), 2)


def test_a_publisher_whose_clock_is_ahead_does_not_freeze_the_price(committed_mug: Product) -> None:
    ahead = (timezone.now() + timedelta(minutes=2)).isoformat()
    apply(parsed("5.90", time=ahead))
    first = price()
    change_price(sku=committed_mug.sku, price=Decimal("6.90"))  # by staff, now
    second = price()
    apply(parsed("7.90", time=timezone.now().isoformat()))  # its clock was set right

    assert (first, second, price()) == (Decimal("5.90"), Decimal("6.90"), Decimal("7.90"))


def test_a_price_by_staff_wins_over_a_time_in_the_future(committed_mug: Product) -> None:
    Product.objects.update(priced_at=timezone.now() + timedelta(minutes=2))
    change_price(sku=committed_mug.sku, price=Decimal("6.90"))

    assert price() == Decimal("6.90")


@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_the_table_refuses_a_time_that_nobody_meant(committed_mug: Product, year: int) -> None:
    with pytest.raises(IntegrityError):
        Product.objects.update(priced_at=datetime(year, 6, 1, tzinfo=timezone.get_current_timezone()))


def test_a_binding_that_was_removed_under_the_consumer_comes_back(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "DECLARED_SECONDS", 0.2)
    with consuming():
        publish(json.dumps(event("5.90")).encode())
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the first price")
        channel.queue_unbind(queue(), settings.EVENTS_EXCHANGE, price_events.PRICE_CHANGED)
        later = event("6.90", time="2026-11-22T12:00:01Z")

        def is_heard() -> bool:
            publish(json.dumps(later).encode())  # the shop's relay repeats what no queue has taken
            return price() == Decimal("6.90")

        wait_until(is_heard, timeout_seconds=30, what="the price after the binding was removed")


def test_a_dead_letter_is_kept_although_its_queue_was_removed(
    committed_mug: Product, channel: Any, publish: Callable[[bytes], None]
) -> None:
    def letters() -> int:
        with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as connection:
            try:
                return waiting(connection.channel(), work_queue().dead)
            except ChannelClosedByBroker:  # the queue is still missing
                return 0

    with consuming():
        publish(json.dumps(event("5.90")).encode())
        wait_until(lambda: price() == Decimal("5.90"), timeout_seconds=30, what="the consumer")
        channel.queue_delete(work_queue().dead)
        publish(b"nonsense")
        wait_until(lambda: letters() == 1, timeout_seconds=30, what="the dead letter")


def test_a_queue_of_before_gets_its_new_arguments_and_keeps_its_events(committed_mug: Product, channel: Any) -> None:
    before = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": work_queue().dead,
    }
    channel.queue_delete(queue())
    channel.queue_declare(queue(), durable=True, arguments=before)
    channel.basic_publish("", queue(), json.dumps(event("5.90")).encode())

    assert consumed(channel, until=lambda: price() == Decimal("5.90")) == (0, 0)
    work_queue().declare(channel)  # no 406
