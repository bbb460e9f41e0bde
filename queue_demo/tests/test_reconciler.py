"""Work that was lost: found in the rows, and sent again."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from fulfilment import services
from fulfilment.models import Email, Order, Product, Step
from fulfilment.workers.relay import OrderRelay
from labkit.processes import wait_until
from tests.conftest import Broker
from tests.processes import service

AGE = timedelta(minutes=15)


def place(mug: Product, *, published: bool = True) -> Order:
    order = services.place_order(quantities={mug.sku: 1}, correlation_id="a-request")
    if published:
        OrderRelay(lambda *_: None).run_once()
    return order


def overdue(minutes: float, *but: Order, limit: int = 1_000) -> list[Order]:
    now = timezone.now() + timedelta(minutes=minutes)
    return services.take_overdue_orders(now=now, age=AGE, but=[order.pk for order in but], limit=limit)


def test_an_open_order_is_taken_when_it_is_overdue_and_again_after_twice_the_time(mug: Product) -> None:
    order = place(mug)

    assert overdue(14) == []
    assert overdue(16) == [order]
    assert overdue(16 + 29) == []
    assert overdue(16 + 31) == [order]
    assert overdue(47 + 59) == []
    assert overdue(47 + 61) == [order]
    assert order.steps.get(name=Step.SENT_AGAIN).detail == "3"


def test_only_what_nothing_works_on_is_taken(mug: Product) -> None:
    done, stopped, dead, unmailed = (place(mug) for _ in range(4))
    unpublished = place(mug, published=False)
    for step in (services.book_stock, services.write_invoice, services.print_label):
        step(order_id=done.pk)
        step(order_id=unmailed.pk)
    services.email_invoice(order_id=done.pk)
    Order.objects.filter(pk=stopped.pk).update(stopped_at=timezone.now())

    assert overdue(16, dead) == [unmailed]
    assert Email.objects.filter(sent_at=None).count() == 1
    assert not unpublished.has(Step.SENT_AGAIN)


def test_orders_that_wait_for_their_turn_keep_no_other_from_being_taken(mug: Product) -> None:
    first, second, third = (place(mug) for _ in range(3))

    assert overdue(16, limit=2) == [first, second]
    assert overdue(17, limit=2) == [third]


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_orders_whose_tasks_were_purged_are_sent_again_by_the_clock(broker: Broker, api: APIClient, mug: Product, tmp_path: Path) -> None:
    with service(broker, tmp_path, "carry", RECONCILE_AFTER_SECONDS="4") as shop:
        for _ in range(3):
            api.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, format="json")
        wait_until(lambda: shop.log("carry").count("handed to Celery") == 3, timeout_seconds=20, what="the tasks")
    broker.channel.queue_purge(f"{broker.prefix}.tasks")
    with service(broker, tmp_path, "carry", "worker", RECONCILE_AFTER_SECONDS="4"):
        wait_until(lambda: Order.objects.exclude(fulfilled_at=None).count() == 3, timeout_seconds=40, what="all orders")

    assert Step.objects.filter(name=Step.SENT_AGAIN).count() == 3
    mug.refresh_from_db()
    assert mug.stock == mug.received - 3
