import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from . import attempts, models
from .attempts import Limit, count
from .checks import isolation_is_read_committed
from .models import Counted

NAME, ADDRESS = Limit("name", 3, 60), Limit("address", 5, 60)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.django_db
def test_any_window_allows_the_quota_and_no_more() -> None:
    waits = [
        count([(NAME, "anna")], now=after(second)) for second in (0, 20, 40, 50, 59.5, 60, 61, 80)
    ]

    # the fourth waits until the first is a minute old; the next until the second is
    assert waits == [0, 0, 0, 10, 1, 0, 19, 0]


@pytest.mark.django_db
def test_each_key_is_counted_apart() -> None:
    for _ in range(3):
        count([(NAME, "anna")], now=NOON)

    assert count([(NAME, "anna")], now=NOON) == 60
    assert count([(NAME, "ben")], now=NOON) == 0
    assert count([(ADDRESS, "anna")], now=NOON) == 0


@pytest.mark.django_db
def test_what_one_limit_refuses_no_other_has_counted() -> None:
    for _ in range(9):
        count([(NAME, "anna"), (ADDRESS, "here")], now=NOON)

    assert [count([(ADDRESS, "here")], now=NOON) for _ in range(3)] == [0, 0, 60]


@pytest.mark.django_db
def test_two_limits_that_refuse_name_the_longer_wait() -> None:
    for second in (0, 0, 30, 30, 30):
        count([(ADDRESS, "here")], now=after(second))
    for second in (40, 40, 40):
        count([(NAME, "anna")], now=after(second))

    assert count([(NAME, "anna"), (ADDRESS, "here")], now=after(50)) == 50


@pytest.mark.django_db
def test_a_quota_that_was_lowered_holds_at_once() -> None:
    for second in range(5):
        count([(ADDRESS, "here")], now=after(second))

    assert count([(ADDRESS._replace(quota=2), "here")], now=after(10)) == 53


@pytest.mark.django_db(transaction=True)
def test_racing_attempts_get_the_quota_and_no_deadlock() -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this guarantee needs PostgreSQL: set DATABASE_URL")
    together = Barrier(12, timeout=20)
    old = timezone.now() - timedelta(hours=1)
    count([(ADDRESS, "everywhere")], now=old)  # expired rows are forgotten meanwhile

    def attempt(number: int) -> int:
        together.wait()
        checks = [(NAME, "anna"), (ADDRESS, "everywhere"), (ADDRESS, f"{number}")]
        try:
            return count(checks if number % 2 else checks[::-1], now=NOON + timedelta(days=365))
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(attempt, range(12)))

    assert sorted(waits) == [0, 0, 0, *[60] * 9]


@pytest.mark.django_db
def test_rows_go_when_all_their_times_have_passed() -> None:
    count([(NAME, "anna")], now=NOON)
    count([(NAME, "ben")], now=after(30))

    count([(NAME, "carla")], now=after(60))

    assert {row.key for row in Counted.objects.all()} == {
        attempts.key(NAME, "ben"),
        attempts.key(NAME, "carla"),
    }


@pytest.mark.django_db
def test_a_key_holds_no_more_than_its_quota_and_no_name() -> None:
    for second in range(40):
        count([(NAME, "anna")], now=after(second))
    [row] = Counted.objects.all()

    assert len(row.times) <= NAME.quota
    assert "anna" not in row.key


@pytest.mark.django_db
@pytest.mark.parametrize("whom", ["", "x" * 100_000, "\x00", "\ud800"])
def test_any_text_is_a_key(whom: str) -> None:
    assert [count([(NAME, whom)], now=NOON) for _ in range(4)] == [0, 0, 0, 60]


def counted(*ages: timedelta) -> None:
    for number, age in enumerate(ages):
        Counted.objects.create(key=str(number), expires_at=timezone.now() - age)


@pytest.mark.django_db
def test_prune_deletes_older_rows_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BATCH", 2)
    counted(*(timedelta(days=days) for days in (2, 3, 4, 5, 6, 0.5)))

    assert list(Counted.objects.prune_batches(timedelta(days=1))) == [2, 2, 1]
    assert Counted.objects.prune(timezone.now()) == 1


@pytest.mark.django_db
def test_the_command_prunes_and_says_how_many() -> None:
    counted(timedelta(days=6), timedelta(days=8))
    call_command("prune_attempt_limit", "--older-than", "7d", stdout=(said := io.StringIO()))

    assert said.getvalue().splitlines()[-1] == "1 rows deleted"
    assert Counted.objects.count() == 1


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "999999999d", ""])
def test_the_command_refuses_a_malformed_age(age: str) -> None:
    with pytest.raises(CommandError, match="is not a duration such as"):
        call_command("prune_attempt_limit", f"--older-than={age}")


def test_the_admin_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.site", AdminSite())
    from .admin import CountedAdmin

    page = CountedAdmin(Counted, AdminSite())
    request: Any = None
    assert page.has_add_permission(request) is page.has_change_permission(request) is False
    assert page.has_delete_permission(request) is False


@pytest.mark.django_db(transaction=True)
def test_a_check_refuses_repeatable_read() -> None:
    assert isolation_is_read_committed(["default"]) == []
    level = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL"
    with connection.cursor() as cursor:
        cursor.execute(f"{level} REPEATABLE READ")
        try:
            [error] = isolation_is_read_committed(["default"])
        finally:
            cursor.execute(f"{level} READ COMMITTED")

    assert "not repeatable read" in error.msg
