"""What the tables and the service promise, without HTTP. The race itself is in lab/oversell.py."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from lab.oversell import locking_reserve
from warehouse.models import Reservation, StockItem
from warehouse.services import NotEnoughLeft, UnknownSku, reserve


def test_the_last_pieces_can_be_had_and_not_one_more(mugs: StockItem) -> None:
    reserve(sku=mugs.sku, quantity=3)

    with pytest.raises(NotEnoughLeft):
        reserve(sku=mugs.sku, quantity=1)
    [reservation] = mugs.reservations.all()
    mugs.refresh_from_db()
    assert (reservation.quantity, mugs.available) == (3, 0)


def test_a_refused_sale_takes_nothing_not_even_what_is_left(mugs: StockItem) -> None:
    with pytest.raises(NotEnoughLeft):
        reserve(sku=mugs.sku, quantity=4)

    mugs.refresh_from_db()
    assert mugs.available == 3
    assert not Reservation.objects.exists()


def test_other_skus_are_left_alone(mugs: StockItem) -> None:
    StockItem.objects.create(sku="SKU-000002", name="Teapot 2", available=3)
    reserve(sku=mugs.sku, quantity=2)

    assert list(StockItem.objects.values_list("sku", "available")) == [("SKU-000001", 1), ("SKU-000002", 3)]


def test_an_unknown_sku_is_told_from_a_sold_out_one(mugs: StockItem) -> None:
    with pytest.raises(UnknownSku):
        reserve(sku="SKU-000009", quantity=1)


@pytest.mark.parametrize("quantity", [0, -5])
def test_taking_less_than_one_piece_is_an_error_and_never_adds_stock(mugs: StockItem, quantity: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        reserve(sku=mugs.sku, quantity=quantity)

    mugs.refresh_from_db()
    assert mugs.available == 3


@pytest.mark.django_db(transaction=True)
def test_a_reservation_that_fails_gives_its_pieces_back(mugs: StockItem, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise IntegrityError("the insert fails")

    monkeypatch.setattr(Reservation, "save", fail)
    with pytest.raises(IntegrityError):
        reserve(sku=mugs.sku, quantity=2)

    mugs.refresh_from_db()
    assert mugs.available == 3


def test_the_database_refuses_a_negative_stock_to_code_that_forgets_to_ask(mugs: StockItem) -> None:
    with pytest.raises(IntegrityError, match="available_is_never_negative"), transaction.atomic():
        StockItem.objects.filter(sku=mugs.sku).update(available=F("available") - 4)

    mugs.refresh_from_db()
    assert mugs.available == 3


@pytest.mark.parametrize("quantity", [0, -1])
def test_the_database_refuses_a_reservation_of_nothing(mugs: StockItem, quantity: int) -> None:
    with pytest.raises(IntegrityError, match="at_least_one_piece_is_reserved"):
        Reservation.objects.create(item=mugs, quantity=quantity)


@pytest.fixture
def sold_out_and_locked(transactional_db: None, mugs: StockItem) -> Iterator[StockItem]:
    """No mug is left, and somebody holds the row. To wait for it is an error after 200 ms, not a slow test."""
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASE_URL")
    StockItem.objects.update(available=0)
    holds, release = threading.Event(), threading.Event()

    def holder() -> None:
        with transaction.atomic():
            StockItem.objects.select_for_update().get(sku=mugs.sku)
            holds.set()
            release.wait(10)
        connection.close()

    thread = threading.Thread(target=holder)
    thread.start()
    holds.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    yield mugs
    release.set()
    thread.join()
    connection.close()  # and the time-out with it


def test_a_sold_out_item_is_refused_without_waiting_for_its_lock(sold_out_and_locked: StockItem) -> None:
    with pytest.raises(NotEnoughLeft):
        reserve(sku=sold_out_and_locked.sku, quantity=1)


def test_select_for_update_waits_for_the_lock_of_a_sold_out_item(sold_out_and_locked: StockItem) -> None:
    with pytest.raises(OperationalError, match="lock timeout"):
        locking_reserve(sku=sold_out_and_locked.sku, quantity=1)


def test_the_seed_is_the_same_each_time_and_a_second_run_restocks_nothing(db: None) -> None:
    call_command("seed", verbosity=0)
    reserve(sku="SKU-000001", quantity=1)
    call_command("seed", verbosity=0)

    assert StockItem.objects.count() == 12
    assert [(item.sku, item.name, item.available) for item in StockItem.objects.all()[:2]] == [
        ("SKU-000001", "Mug 1", 99),
        ("SKU-000002", "Teapot 2", 100),
    ]
