import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from . import models
from .checks import isolation_is_read_committed
from .models import RefreshFamily
from .rotation import InvalidRefreshToken, revoke, rotate, start

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIFETIME = timedelta(days=30)


@pytest.fixture
def ann() -> User:
    return User.objects.create(username="ann", password="the hash of a password")


@pytest.fixture
def token(ann: User) -> str:
    return start(ann, lifetime=LIFETIME, now=NOON)


def refused(token: str, now: datetime = NOON) -> bool:
    try:
        rotate(token, now=now)
    except InvalidRefreshToken:
        return True
    return False


def test_a_token_is_good_for_the_next_one(ann: User, token: str) -> None:
    user, second = rotate(token, now=NOON)
    _, third = rotate(second, now=NOON)

    assert user == ann
    assert len({token, second, third}) == 3


def test_a_used_token_is_refused_and_ends_its_family(token: str) -> None:
    _, second = rotate(token, now=NOON)

    assert refused(token)
    assert refused(second)


def test_any_earlier_token_of_the_family_ends_it(token: str) -> None:
    _, second = rotate(token, now=NOON)
    _, third = rotate(second, now=NOON)
    _, fourth = rotate(third, now=NOON)

    assert refused(token)
    assert refused(fourth)


def test_other_families_of_the_same_user_live_on(ann: User, token: str) -> None:
    other = start(ann, lifetime=LIFETIME, now=NOON)
    rotate(token, now=NOON)

    assert refused(token)
    assert not refused(other)


def test_a_family_ends_at_its_time_however_often_it_is_refreshed(token: str) -> None:
    for day in range(30):
        _, token = rotate(token, now=NOON + timedelta(days=day))

    assert refused(token, now=NOON + LIFETIME)
    assert not refused(token, now=NOON + LIFETIME - timedelta(seconds=1))


def test_a_logout_ends_the_family_and_no_other(ann: User, token: str) -> None:
    other = start(ann, lifetime=LIFETIME, now=NOON)
    revoke(token, now=NOON)
    revoke(token, now=NOON)

    assert refused(token)
    assert not refused(other)


def test_a_logout_with_a_used_token_ends_the_family_too(token: str) -> None:
    _, second = rotate(token, now=NOON)
    revoke(token, now=NOON)

    assert refused(second)


def test_a_deactivated_user_is_refused_for_good(ann: User, token: str) -> None:
    User.objects.update(is_active=False)
    assert refused(token)
    User.objects.update(is_active=True)

    assert refused(token)
    [family] = RefreshFamily.objects.all()
    assert family.revoked_at == NOON


def test_a_new_password_ends_what_began_with_the_old_one(ann: User, token: str) -> None:
    User.objects.update(password="the hash of another")
    ann.refresh_from_db()

    assert refused(token)
    assert not refused(start(ann, lifetime=LIFETIME, now=NOON))
    assert RefreshFamily.objects.alive(NOON).count() == 1


def test_a_replaced_secret_key_ends_nothing_while_the_old_one_is_a_fallback(
    token: str, settings: Any
) -> None:
    with override_settings(SECRET_KEY="a new one", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert not refused(token)


@pytest.mark.parametrize(
    "rubbish", ["", ".", "rubbish", "a.b", "\x00", "\ud800.\ud800", "x" * 1_000_000]
)
def test_rubbish_is_refused_and_ends_nothing(token: str, rubbish: str) -> None:
    assert refused(rubbish)
    revoke(rubbish, now=NOON)

    assert not refused(token)


def test_who_reads_the_table_can_use_nothing_and_end_nothing(token: str) -> None:
    [row] = RefreshFamily.objects.values_list()
    held = [str(value) for value in row]

    assert not any(half in value for value in held for half in token.split("."))
    for value in held:
        assert refused(value)
        assert refused(f"{value}.{value}")
        revoke(value, now=NOON)
    assert not refused(token)


def test_tokens_are_random_in_both_halves(ann: User, token: str) -> None:
    other = start(ann, lifetime=LIFETIME, now=NOON)

    assert not set(token.split(".")) & set(other.split("."))
    assert all(len(half) == 43 for half in token.split("."))  # 32 bytes


def test_the_revocation_cannot_be_taken_back_by_a_transaction_around_it(token: str) -> None:
    rotate(token, now=NOON)

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        rotate(token, now=NOON)


def test_a_reuse_is_in_the_log_once_and_no_token_is(
    token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _, second = rotate(token, now=NOON)
        for each in (token, token, second):
            refused(each)

    [line] = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(__package__ or "?")
    ]
    assert "refresh token reuse" in line
    assert not any(half in caplog.text for half in (*token.split("."), *second.split(".")))


def test_an_expired_token_is_no_theft(token: str, caplog: pytest.LogCaptureFixture) -> None:
    assert refused(token, now=NOON + LIFETIME)
    assert "refresh token reuse" not in caplog.text


def test_it_costs_two_statements_and_a_row_a_login(
    token: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):  # update and select, in the test's savepoint
        _, second = rotate(token, now=NOON)
    rotate(second, now=NOON)

    assert RefreshFamily.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_that_race_one_succeeds_and_the_family_ends(token: str) -> None:
    answers: list[bool] = []
    with meanwhile(*[lambda: answers.append(refused(token))] * 2):
        RefreshFamily.objects.select_for_update().get()

    assert sorted(answers) == [False, True]
    assert not RefreshFamily.objects.alive(NOON).exists()


@pytest.mark.django_db(transaction=True)
def test_a_refresh_that_races_with_a_logout_is_refused(token: str) -> None:
    answers: list[bool] = []
    with meanwhile(lambda: answers.append(refused(token))):
        revoke(token, now=NOON)

    assert answers == [True]


@contextmanager
def meanwhile(*calls: Callable[[], None]) -> Iterator[None]:
    """The block runs in a transaction that ends when all of the calls wait for its locks."""
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASES to one")

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    with transaction.atomic():
        yield
        for thread in threads:
            thread.start()
        pause = threading.Event()
        for _ in range(1000):
            if waiting() == len(calls):
                break
            pause.wait(0.01)
        else:
            pytest.fail("nobody waits for the row")
    for thread in threads:
        thread.join(10)


def waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # else a transaction sees the first answer again
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def test_prune_deletes_older_rows_in_batches(monkeypatch: pytest.MonkeyPatch, ann: User) -> None:
    monkeypatch.setattr(models, "BATCH", 2)
    now = timezone.now()
    for days in (2, 3, 4, 5, 6, 0.5):
        start(ann, lifetime=timedelta(), now=now - timedelta(days=days))

    assert list(RefreshFamily.objects.prune_batches(timedelta(days=1))) == [2, 2, 1]
    assert RefreshFamily.objects.prune(now) == 1


def test_the_command_prunes_and_says_how_many(ann: User) -> None:
    now = timezone.now()
    for days in (6, 8):
        start(ann, lifetime=timedelta(), now=now - timedelta(days=days))
    call_command("prune_refresh_rotation", "--older-than", "7d", stdout=(said := io.StringIO()))

    assert said.getvalue().splitlines()[-1] == "1 rows deleted"
    assert RefreshFamily.objects.count() == 1


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "999999999d", ""])
def test_the_command_refuses_a_malformed_age(age: str) -> None:
    with pytest.raises(CommandError, match="is not a duration such as"):
        call_command("prune_refresh_rotation", f"--older-than={age}")


def test_the_admin_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.site", AdminSite())
    from .admin import RefreshFamilyAdmin

    page = RefreshFamilyAdmin(RefreshFamily, AdminSite())
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
