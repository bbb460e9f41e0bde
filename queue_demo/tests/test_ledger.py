"""The books, with every way in which an order can end, and every way in which they can be wrong."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from fulfilment import ledger, services
from fulfilment.event_types import ORDER_PAID
from fulfilment.messaging import events
from fulfilment.models import Order, OrderEvent, Product, Step
from fulfilment.workers.relay import OrderRelay
from patterns.messaging.dead_letters import DeadLetter
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.outbox.models import OutboxEvent

pytestmark = pytest.mark.django_db


def place(mug: Product, *, published: bool = True) -> Order:
    order = services.place_order(quantities={mug.sku: 2}, correlation_id="a-request")
    if published:
        publish()
    return order


def publish() -> None:
    assert not OrderRelay(lambda *_: None).run_once().refused


def fulfil(order: Order, *steps: Any) -> None:
    for step in steps or (services.book_stock, services.write_invoice, services.print_label, services.email_invoice):
        step(order_id=order.pk)


def letter(body: Any) -> DeadLetter:
    return DeadLetter("m", "rejected", 0, "", body if isinstance(body, bytes) else json.dumps(body).encode())


def event_of(order: Order) -> DeadLetter:
    return letter({"data": {"order_id": str(order.pk)}})


def task_of(order: Order) -> DeadLetter:
    return letter([[str(order.pk)], {}, {"callbacks": None}])


def test_every_published_order_is_somewhere(mug: Product) -> None:
    fulfil(place(mug))
    in_flight, dead, unmailed = place(mug), place(mug), place(mug)
    fulfil(in_flight, services.book_stock)
    fulfil(unmailed, services.book_stock, services.write_invoice, services.print_label)
    Product.objects.update(received=6, stock=0)
    fulfil(place(mug), services.book_stock)
    place(mug, published=False)
    strangers = [letter(b"\x80\x04K\x01."), letter([]), letter({"data": {"order_id": "x"}}), letter(b"[" * 50_000)]
    books: Any = ledger.read([task_of(dead), event_of(dead), task_of(unmailed), *strangers])

    listed = {entry["order"]: entry["reason"] for entry in books.pop("stuck_orders")}
    assert listed.keys() == {dead.pk, unmailed.pk}
    assert all(reason.startswith("dead letter: ") for reason in listed.values())
    assert books == {
        "orders": 6,
        "accepted": 0,
        "outbox_pending": 1,
        "outbox_published": 5,
        "fulfilled": 2,
        "stopped": 1,
        "stuck": 2,
        "dead_lettered": 1,
        "in_flight": 1,
        "emails_due": 2,
        "emails_sent": 1,
        "emails_dead_lettered": 1,
        "dead_letters": 7,
        "orders_without_event": 0,
        "pieces_missing": 0,
        "balanced": False,
    }


def test_the_books_balance_when_nothing_is_on_its_way(mug: Product) -> None:
    fulfil(place(mug))
    dead, unmailed = place(mug), place(mug)
    fulfil(unmailed, services.book_stock, services.write_invoice, services.print_label)

    books = ledger.read([event_of(dead), task_of(unmailed)])
    assert (books["balanced"], books["stuck"], books["in_flight"]) == (False, 2, 0)  # stuck: somebody has to look
    assert ledger.read([event_of(dead)])["balanced"] is False  # a mail is due
    assert ledger.read([task_of(unmailed)])["balanced"] is False  # an order is nowhere
    fulfil(dead)
    services.email_invoice(order_id=unmailed.pk)
    assert ledger.read([event_of(dead), task_of(unmailed)])["balanced"] is True  # letters of what was done all the same


def test_an_order_that_is_open_for_too_long_is_stuck_and_says_why(mug: Product) -> None:
    silent, failing, unpublished = place(mug), place(mug), place(mug, published=False)
    Step.objects.remark(order_id=failing.pk, name="print label waits", detail="ZeroDivisionError")
    OutboxEvent.objects.waiting().update(refusal="no queue is bound")
    soon, later = timezone.now() + timedelta(minutes=14), timezone.now() + timedelta(minutes=16)
    books = ledger.read([], now=later)

    assert ledger.read([], now=soon)["stuck"] == 0
    assert (books["stuck"], books["in_flight"], books["balanced"]) == (3, 0, False)
    assert {entry["order"]: entry["reason"] for entry in books["stuck_orders"]} == {
        silent.pk: "no task has reported; the message may be lost",
        failing.pk: "print label waits: ZeroDivisionError",
        unpublished.pk: "its event is in the outbox: no queue is bound",
    }
    assert ledger.read(None, now=later)["stuck"] == 3  # also while the broker is away


@pytest.mark.parametrize(
    ("wrong", "name", "count"),
    [
        (lambda: Product.objects.update(stock=996), "pieces_missing", 2),  # booked twice
        (lambda: Product.objects.update(stock=1000), "pieces_missing", -2),  # not booked, although it says so
        (lambda: OrderEvent.objects.all().delete(), "orders_without_event", 1),
    ],
)
def test_an_effect_too_many_or_too_few_is_seen(mug: Product, wrong: Any, name: str, count: int) -> None:
    fulfil(place(mug))
    assert ledger.read([])["balanced"] is True
    wrong()
    books: Any = ledger.read([])

    assert (books[name], books["balanced"]) == (count, False)


def test_without_the_broker_the_books_are_open(mug: Product) -> None:
    fulfil(place(mug))
    books = ledger.read(None)

    assert (books["fulfilled"], books["in_flight"], books["dead_lettered"], books["balanced"]) == (1, None, None, None)


def accept(mug: Product, *event_ids: uuid.UUID) -> Order:
    """Another service's paid order, told of by so many events."""
    order_id = uuid.uuid4()
    for event_id in event_ids:
        event = events.OrderEvent(event_id, ORDER_PAID, order_id, "a-request", "/shop", {mug.sku: 1})
        services.accept_paid_order(event=event)
    return Order.objects.get(pk=order_id)


def test_pruned_outbox_and_inbox_change_neither_ledger_nor_timeline(mug: Product) -> None:
    orders = [place(mug), accept(mug, uuid.uuid4())]
    for order in orders:
        fulfil(order)
    before = ledger.read([]), [order.timeline() for order in orders]
    later = timezone.now() + timedelta(seconds=1)
    assert (OutboxEvent.objects.prune(later), Inbox.objects.prune(later)) == (1, 1)

    assert (ledger.read([]), [order.timeline() for order in orders]) == before
    assert before[0]["balanced"] is True
    assert "order.placed published" in [entry["step"] for entry in before[1][0]]


def test_a_second_paid_event_of_an_order_does_not_unbalance_the_ledger(mug: Product) -> None:
    fulfil(accept(mug, uuid.uuid4(), uuid.uuid4()))
    books = ledger.read([])

    assert (books["accepted"], books["orders_without_event"], books["balanced"]) == (1, 0, True)


def test_an_event_that_the_outbox_has_lost_is_seen(mug: Product) -> None:
    place(mug, published=False)
    assert ledger.read([])["orders_without_event"] == 0
    OutboxEvent.objects.all().delete()

    assert ledger.read([])["orders_without_event"] == 1


@pytest.mark.django_db(transaction=True)
def test_orders_of_before_get_their_events_by_the_migration(mug: Product) -> None:
    published, waiting, accepted = place(mug), place(mug, published=False), accept(mug, uuid.uuid4())
    timelines = [order.timeline() for order in (published, waiting, accepted)]
    rows = OrderEvent.objects.order_by("event_id").values_list("event_id", "order", "name")
    before = list(rows)
    books = ledger.read([])
    try:
        MigrationExecutor(connection).migrate([("fulfilment", "0002_workflow")])
    finally:
        MigrationExecutor(connection).migrate([("fulfilment", "0003_order_events")])

    assert list(rows.all()) == before
    assert [order.timeline() for order in (published, waiting, accepted)] == timelines
    assert ledger.read([]) == books
