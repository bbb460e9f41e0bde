"""The pattern without a broker: a delivery is a call."""

import importlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from .models import Inbox

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])
# a second alias: another connection to the test database
MIRROR = {
    **connection.settings_dict,
    "TEST": {**connection.settings_dict["TEST"], "MIRROR": "default"},
}
connections.databases.setdefault("other", MIRROR)


@pytest.fixture
def other() -> Iterator[str]:
    yield "other"
    connections["other"].close()


def receive(*message_ids: str, consumer: str = "emails") -> set[str]:
    with transaction.atomic():
        return Inbox.objects.new(consumer=consumer, message_ids=message_ids)


def test_an_id_is_new_once() -> None:
    assert [receive("a"), receive("a"), receive("b")] == [{"a"}, set(), {"b"}]


def test_a_batch_returns_only_new_ids_and_each_once() -> None:
    receive("a")

    assert receive("a", "b", "c", "b") == {"b", "c"}
    assert receive() == set()


def test_consumers_have_separate_ids() -> None:
    assert [receive("a", consumer="emails"), receive("a", consumer="invoices")] == [{"a"}, {"a"}]


def test_an_id_is_new_again_after_a_rollback() -> None:
    with transaction.atomic():
        Inbox.objects.new(consumer="emails", message_ids=["a"])
        transaction.set_rollback(True)

    assert receive("a") == {"a"}


def test_new_outside_a_transaction_raises() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        Inbox.objects.new(consumer="emails", message_ids=["a"])

    assert not Inbox.objects.exists()


def test_a_concurrent_delivery_waits_for_the_first_one() -> None:
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
                future.result(
                    0.3
                )  # it must not be told "new", nor "old" while the first may still roll back
            transaction.set_rollback(True)

        assert future.result(10) == {"a"}


def test_of_twenty_concurrent_deliveries_one_is_new() -> None:
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


def test_overlapping_batches_do_not_deadlock() -> None:
    """The first has a and then asks for z. The second, unsorted, would hold z and wait for a."""
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


def test_the_id_is_stored_in_another_database_and_no_query_leaves_it(other: str) -> None:
    with CaptureQueriesContext(connection) as elsewhere, transaction.atomic(using=other):
        assert Inbox.objects.using(other).new(consumer="emails", message_ids=["a"]) == {"a"}
        assert Inbox.objects.using(other).prune(timezone.now()) == 1

    assert len(elsewhere) == 0
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        Inbox.objects.using(other).new(consumer="emails", message_ids=["a"])


def test_prune_forgets_old_ids_in_batches(capsys: pytest.CaptureFixture[str]) -> None:
    receive(*(f"old-{number}" for number in range(25)))
    Inbox.objects.update(received_at=timezone.now() - timedelta(days=31))
    receive("new")

    assert list(Inbox.objects.prune_in_batches(timedelta(days=30), batch_size=10)) == [10, 10, 5]
    assert [receive("old-1"), receive("new")] == [{"old-1"}, set()]
    call_command("prune_inbox", "--older-than", "30d")
    assert capsys.readouterr().out == "deleted 0 ids\n"
    with pytest.raises(CommandError, match="'a month' is not a duration such as 7d"):
        call_command("prune_inbox", "--older-than", "a month")


def test_the_admin_is_read_only() -> None:
    with override_settings(
        INSTALLED_APPS=[*dict.fromkeys([*settings.INSTALLED_APPS, "django.contrib.admin"])]
    ):
        module = importlib.import_module(f"{__package__}.admin")
        admin = module.InboxAdmin(Inbox, AdminSite())

        assert admin.check() == []
        permissions = (admin.has_add_permission, admin.has_change_permission)
        assert not any(may(None) for may in (*permissions, admin.has_delete_permission))


def test_a_database_of_the_first_version_is_upgraded() -> None:
    label = apps.get_containing_app_config(__name__).label  # type: ignore[union-attr]
    try:
        MigrationExecutor(connection).migrate([(label, "0001_initial")])
        receive("a")
    finally:
        MigrationExecutor(connection).migrate([(label, "0002_constraint_name")])

    assert receive("a") == set()
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, Inbox._meta.db_table)
    assert f"{label}_one_row_per_message" in names
    assert "one_row_per_message" not in names
