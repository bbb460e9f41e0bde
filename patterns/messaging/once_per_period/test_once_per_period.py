"""The pattern without a scheduler: a beat is a call, and the clock is an argument."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction

from .models import Period

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def claim(now: datetime = NOON, name: str = "restock", length: timedelta = DAY) -> bool:
    with transaction.atomic():
        return Period.objects.claim(name=name, now=now, length=length)


def test_a_period_is_claimed_once() -> None:
    assert [claim(), claim(), claim(NOON + timedelta(hours=11))] == [True, False, False]


def test_the_next_period_is_another_one_and_begins_on_the_minute() -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)

    assert [claim(midnight - timedelta(microseconds=1)), claim(midnight), claim(midnight + timedelta(seconds=1))] == [True, True, False]


def test_periods_may_have_any_length() -> None:
    quarter = timedelta(minutes=15)

    assert [claim(NOON + timedelta(minutes=minute), length=quarter) for minute in (0, 14, 15, 29, 30)] == [True, False, True, False, True]


def test_each_work_has_periods_of_its_own() -> None:
    assert [claim(name="restock"), claim(name="report")] == [True, True]


def test_a_time_in_another_zone_is_the_same_period() -> None:
    eastern = NOON.astimezone(datetime.strptime("+0900", "%z").tzinfo)

    assert [claim(NOON), claim(eastern)] == [True, False]


def test_a_period_whose_work_failed_is_free_again() -> None:
    with transaction.atomic():
        Period.objects.claim(name="restock", now=NOON, length=DAY)
        transaction.set_rollback(True)

    assert claim()


def test_a_period_is_not_claimed_outside_of_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        Period.objects.claim(name="restock", now=NOON, length=DAY)

    assert not Period.objects.exists()


def test_of_twenty_who_ask_at_once_one_may() -> None:
    barrier = threading.Barrier(20)

    def one(_: int) -> bool:
        barrier.wait(10)
        try:
            return claim()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 1


def test_who_asks_at_the_same_time_waits_for_the_firsts_end() -> None:
    asked = threading.Event()

    def second() -> bool:
        asked.set()
        try:
            return claim()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Period.objects.claim(name="restock", now=NOON, length=DAY)
            future = pool.submit(second)
            asked.wait(5)
            with pytest.raises(TimeoutError):
                future.result(0.3)
            transaction.set_rollback(True)

        assert future.result(10)
