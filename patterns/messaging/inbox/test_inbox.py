"""The pattern without a broker: a delivery is a call."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from .models import Inbox

pytestmark = pytest.mark.django_db(transaction=True)


def receive(*message_ids: str, consumer: str = "emails") -> set[str]:
    with transaction.atomic():
        return Inbox.objects.new(consumer=consumer, message_ids=message_ids)


def test_a_message_is_new_once() -> None:
    assert [receive("a"), receive("a"), receive("b")] == [{"a"}, set(), {"b"}]


def test_a_batch_tells_the_new_ones_from_the_old_and_from_its_own_repetitions() -> None:
    receive("a")

    assert receive("a", "b", "c", "b") == {"b", "c"}
    assert receive() == set()


def test_each_consumer_has_messages_of_its_own() -> None:
    assert [receive("a", consumer="emails"), receive("a", consumer="invoices")] == [{"a"}, {"a"}]


def test_a_message_whose_effect_failed_is_new_again() -> None:
    with transaction.atomic():
        Inbox.objects.new(consumer="emails", message_ids=["a"])
        transaction.set_rollback(True)

    assert receive("a") == {"a"}


def test_an_id_is_not_remembered_outside_of_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        Inbox.objects.new(consumer="emails", message_ids=["a"])

    assert not Inbox.objects.exists()


def test_of_two_deliveries_at_once_the_second_waits_for_the_firsts_end() -> None:
    asked = threading.Event()

    def second() -> set[str]:
        asked.set()
        try:
            return receive("a")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Inbox.objects.new(consumer="emails", message_ids=["a"])
            future = pool.submit(second)
            asked.wait(5)
            with pytest.raises(TimeoutError):
                future.result(0.3)  # it must not be told "new", nor "old" while the first may still roll back
            transaction.set_rollback(True)

        assert future.result(10) == {"a"}


def test_of_twenty_deliveries_at_once_one_is_new() -> None:
    barrier = threading.Barrier(20)

    def one(_: int) -> set[str]:
        barrier.wait(10)
        try:
            return receive("a", "b", "c")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(one, range(20)))

    assert sorted(message_id for each in found for message_id in each) == ["a", "b", "c"]


def test_batches_that_overlap_in_another_order_do_not_deadlock() -> None:
    """The first has a and will ask for z; the second asks for z, y, a: taken in that order, it would hold z and wait for a."""
    asked = threading.Event()

    def second() -> set[str]:
        asked.set()
        try:
            return receive("z", "a")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Inbox.objects.new(consumer="emails", message_ids=["a"])
            future = pool.submit(second)
            asked.wait(5)
            with pytest.raises(TimeoutError):
                future.result(0.3)
            assert Inbox.objects.new(consumer="emails", message_ids=["z"]) == {"z"}

        assert future.result(10) == set()


def test_a_batch_costs_one_statement() -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        Inbox.objects.new(consumer="emails", message_ids=[str(number) for number in range(50)])

    assert len(statements) == 1
