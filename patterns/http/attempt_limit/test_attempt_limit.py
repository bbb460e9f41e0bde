"""The pattern without the community: a limit by name, and one by address."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from . import attempts
from .attempts import Limit, count
from .models import Counted

NAME, ADDRESS = Limit("name", 3, 60), Limit("address", 5, 60)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.django_db
def test_any_window_allows_the_quota_and_no_more() -> None:
    waits = [count([(NAME, "anna")], now=after(second)) for second in (0, 20, 40, 50, 59.5, 60, 61, 80)]

    # the fourth waits until the first is a minute old; then one place is free, and the next when the second is
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
def test_of_attempts_at_the_same_moment_the_quota_is_allowed_and_none_waits_in_a_circle() -> None:
    if connection.vendor != "postgresql":
        pytest.fail("threads need a database that lets them in side by side: set DATABASE_URL")
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

    assert {row.key for row in Counted.objects.all()} == {attempts.key(NAME, "ben"), attempts.key(NAME, "carla")}


@pytest.mark.django_db
def test_a_key_holds_no_more_than_its_quota_and_no_name() -> None:
    for second in range(200):
        count([(NAME, "anna")], now=after(second))
    [row] = Counted.objects.all()

    assert len(row.times) <= NAME.quota
    assert "anna" not in row.key


@pytest.mark.django_db
@pytest.mark.parametrize("whom", ["", "x" * 100_000, "\x00", "\ud800"])
def test_any_text_is_a_key(whom: str) -> None:
    assert [count([(NAME, whom)], now=NOON) for _ in range(4)] == [0, 0, 0, 60]
