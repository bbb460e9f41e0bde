"""The pattern without a scheduler: a beat is a call, and the clock is an argument."""

import importlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from .models import Period

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


DAY = timedelta(days=1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def claim(now: datetime = NOON, name: str = "restock", length: timedelta = DAY) -> bool:
    with transaction.atomic():
        return Period.objects.claim(name=name, now=now, length=length)


def test_a_period_is_claimed_once() -> None:
    assert [claim(), claim(), claim(NOON + timedelta(hours=11))] == [True, False, False]


def test_the_next_period_begins_at_midnight() -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)

    assert [
        claim(midnight - timedelta(microseconds=1)),
        claim(midnight),
        claim(midnight + timedelta(seconds=1)),
    ] == [True, True, False]


def test_periods_may_have_any_length() -> None:
    quarter = timedelta(minutes=15)

    assert [
        claim(NOON + timedelta(minutes=minute), length=quarter) for minute in (0, 14, 15, 29, 30)
    ] == [True, False, True, False, True]


def test_each_name_has_separate_periods() -> None:
    assert [claim(name="restock"), claim(name="report")] == [True, True]


def test_the_time_zone_does_not_change_the_period() -> None:
    eastern = NOON.astimezone(datetime.strptime("+0900", "%z").tzinfo)

    assert [claim(NOON), claim(eastern)] == [True, False]


def test_a_period_is_free_again_after_a_rollback() -> None:
    with transaction.atomic():
        Period.objects.claim(name="restock", now=NOON, length=DAY)
        transaction.set_rollback(True)

    assert claim()


def test_claim_outside_a_transaction_raises() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        Period.objects.claim(name="restock", now=NOON, length=DAY)

    assert not Period.objects.exists()


def test_of_twenty_concurrent_claims_one_is_true() -> None:
    barrier = threading.Barrier(20)

    def one(_: int) -> bool:
        barrier.wait(10)
        try:
            return claim()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(one, range(20))) == 1


def test_a_concurrent_claim_waits_for_the_first_one() -> None:
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


def test_a_period_of_another_database_is_claimed_there_only(other: str) -> None:
    with CaptureQueriesContext(connection) as elsewhere, transaction.atomic(using=other):
        periods = Period.objects.using(other)
        assert periods.claim(name="restock", now=NOON, length=DAY)
        assert periods.claim(name="restock", now=NOON + DAY, length=DAY)
        assert periods.prune(NOON + DAY) == 1

    assert len(elsewhere) == 0
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        Period.objects.using(other).claim(name="restock", now=NOON, length=DAY)


def test_prune_deletes_old_periods_in_batches_but_the_latest_of_each_name() -> None:
    """A period that began long ago may not be over: deleted, it could be claimed again."""
    year = timedelta(days=365)
    for number in range(26):
        claim(NOON - number * DAY)
    claim(NOON, name="yearly", length=year)
    Period.objects.exclude(name="yearly").update(name="restock")

    assert list(Period.objects.prune_in_batches(NOON + DAY, batch_size=10)) == [10, 10, 5]
    assert not claim(NOON)
    assert not claim(NOON, name="yearly", length=year)


def test_the_prune_command_reports_and_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    claim(datetime(2026, 1, 1, tzinfo=UTC))
    claim(datetime(2026, 1, 2, tzinfo=UTC))
    call_command("prune_once_per_period", "--older-than", "90d")

    assert capsys.readouterr().out == "deleted 1 periods\n"
    with pytest.raises(CommandError, match="'soon' is not a duration such as 7d"):
        call_command("prune_once_per_period", "--older-than", "soon")


def test_the_admin_is_read_only() -> None:
    with override_settings(
        INSTALLED_APPS=[*dict.fromkeys([*settings.INSTALLED_APPS, "django.contrib.admin"])]
    ):
        module = importlib.import_module(f"{__package__}.admin")
        admin = module.PeriodAdmin(Period, AdminSite())

        assert admin.check() == []
        permissions = (admin.has_add_permission, admin.has_change_permission)
        assert not any(may(None) for may in (*permissions, admin.has_delete_permission))


def test_a_database_of_the_first_version_is_upgraded() -> None:
    label = apps.get_containing_app_config(__name__).label  # type: ignore[union-attr]
    try:
        MigrationExecutor(connection).migrate([(label, "0001_initial")])
        assert claim()
    finally:
        MigrationExecutor(connection).migrate([(label, "0002_constraint_name")])

    assert not claim()
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, Period._meta.db_table)
    assert f"{label}_one_row_per_period" in names
    assert "one_row_per_period" not in names
