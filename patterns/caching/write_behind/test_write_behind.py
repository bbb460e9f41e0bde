"""Write-behind on a real Redis and PostgreSQL, with processes that are killed."""

import io
import multiprocessing
import os
import secrets
import signal
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import django
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import NotSupportedError, connection, connections
from django.utils import timezone
from pymemcache.client.base import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

VIEWS = {"mug": 3, "lamp": 1}


def connect() -> redis.Redis:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("this pattern needs Redis: set REDIS_URL")
    return redis.Redis.from_url(
        os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with connect() as client:
        yield client


@pytest.fixture
def name(client: redis.Redis) -> Iterator[str]:
    name = f"test-{secrets.token_hex(8)}"
    yield name
    client.delete(f"{{{name}}}", f"{{{name}}}:batch")


@pytest.fixture
def table(transactional_db: None) -> Iterator[None]:
    run("CREATE TABLE IF NOT EXISTS a_test_of_views (member text PRIMARY KEY, views int)")
    yield
    run("DROP TABLE a_test_of_views")


def run(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def apply(counts: dict[str, int]) -> None:
    for member, number in sorted(counts.items()):
        run(
            "INSERT INTO a_test_of_views VALUES (%s, %s) ON CONFLICT (member) "
            "DO UPDATE SET views = a_test_of_views.views + excluded.views",
            member, number,
        )  # fmt: skip


def written() -> dict[str, int]:
    return dict(run("SELECT member, views FROM a_test_of_views"))


def buffer(client: redis.Redis, name: str) -> Any:
    from .buffer import (
        Buffer,
    )  # a model: not before Django is set up, which a killed process does late

    return Buffer(client, name)


def viewed(client: redis.Redis, name: str) -> Any:
    views = buffer(client, name)
    for member, number in VIEWS.items():
        for _ in range(number):
            views.add(member)
    return views


def test_many_increments_become_one_batch(client: redis.Redis, name: str, table: None) -> None:
    views = viewed(client, name)
    batches: list[dict[str, int]] = []

    assert views.flush(batches.append) == 2
    assert views.flush(batches.append) == 0
    assert batches == [VIEWS]
    assert not client.exists(f"{{{name}}}", f"{{{name}}}:batch")


class Dying(redis.Redis):
    """Its process is killed at its `step`-th script: before it is sent, or after its reply."""

    step = ("", 0)
    scripts = 0

    def eval(self, *words: Any, **options: Any) -> Any:
        self.scripts += 1
        if self.step == ("before", self.scripts):
            os.kill(os.getpid(), signal.SIGKILL)
        reply = super().eval(*words, **options)
        if self.step == ("after", self.scripts):
            os.kill(os.getpid(), signal.SIGKILL)
        return reply


def flush_and_die(name: str, database: str, step: tuple[str, int]) -> None:
    django.setup()
    connections["default"].settings_dict["NAME"] = database
    client = Dying(connection_pool=connect().connection_pool)
    client.step = step

    def apply_or_die(counts: dict[str, int]) -> None:
        apply(counts)
        if step == ("in", 0):
            os.kill(os.getpid(), signal.SIGKILL)

    buffer(client, name).flush(apply_or_die)


@pytest.mark.parametrize(
    "step", [("before", 1), ("after", 1), ("in", 0), ("before", 2), ("after", 2)]
)
def test_a_flush_killed_at_any_step_loses_and_doubles_nothing(
    client: redis.Redis, name: str, table: None, step: tuple[str, int]
) -> None:
    views = viewed(client, name)
    process = multiprocessing.get_context("spawn").Process(
        target=flush_and_die, args=(name, connection.settings_dict["NAME"], step), daemon=True
    )
    process.start()
    process.join(30)
    views.add("mug")  # life goes on
    while views.flush(apply):
        pass

    assert process.exitcode == -signal.SIGKILL
    assert written() == {"mug": 4, "lamp": 1}


def test_two_flushes_of_the_same_batch_apply_it_once(
    client: redis.Redis, name: str, table: None
) -> None:
    views = viewed(client, name)

    def apply_while_another_flushes(counts: dict[str, int]) -> None:
        other = threading.Thread(target=flush_in_a_thread)
        others.append(other)
        other.start()
        waits_for_us()
        apply(counts)

    def flush_in_a_thread() -> None:
        views.flush(apply)
        connections.close_all()

    def waits_for_us() -> None:
        for _ in range(100_000):
            if run(
                "SELECT count(*) FROM pg_locks WHERE NOT granted "
                "AND pg_blocking_pids(pid) @> ARRAY[pg_backend_pid()]"
            )[0][0]:
                return
        raise AssertionError("the second flush did not wait for the first")

    others: list[threading.Thread] = []
    views.flush(apply_while_another_flushes)
    others[0].join(10)

    assert written() == VIEWS


def test_a_late_flush_does_not_remove_another_batch(
    client: redis.Redis, name: str, table: None
) -> None:
    views = viewed(client, name)

    def apply_and_be_overtaken(counts: dict[str, int]) -> None:
        apply(counts)
        client.delete(f"{{{name}}}:batch")  # another flush has found our batch done,
        views.add("vase")
        views.take_batch()  # and a third one has taken the next

    views.flush(apply_and_be_overtaken)
    while views.flush(apply):
        pass

    assert written() == {**VIEWS, "vase": 1}


def test_a_batch_whose_apply_raised_is_applied_by_the_next_flush(
    client: redis.Redis, name: str, table: None
) -> None:
    views = viewed(client, name)
    with pytest.raises(ZeroDivisionError):
        views.flush(lambda counts: apply(counts) or 1 / 0)
    views.flush(apply)

    assert written() == VIEWS


def test_an_empty_member_is_rejected(client: redis.Redis, name: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        buffer(client, name).add("")


def batches_of_ages(*days: int) -> None:
    from .models import FlushedBatch

    for number, age in enumerate(days):
        row = FlushedBatch.objects.create(id=uuid.UUID(int=number))
        flushed_at = timezone.now() - timedelta(days=age)
        FlushedBatch.objects.filter(pk=row.pk).update(flushed_at=flushed_at)


@pytest.mark.django_db
@pytest.mark.parametrize("is_a_date", [False, True])
def test_prune_deletes_old_rows_in_bounded_batches(
    is_a_date: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import prune
    from .models import FlushedBatch

    monkeypatch.setattr(prune, "BATCH_SIZE", 2)
    batches_of_ages(9, 8, 8, 6)
    age = timedelta(days=7)

    assert list(prune.prune_batches(timezone.now() - age if is_a_date else age)) == [2, 1]
    assert FlushedBatch.objects.count() == 1
    assert prune.prune(timedelta(days=1)) == 1


@pytest.mark.django_db
def test_the_prune_command_says_what_it_deleted() -> None:
    batches_of_ages(9, 6)
    said = io.StringIO()
    call_command("prune_write_behind", "--older-than", "7d", stdout=said)

    assert said.getvalue().splitlines()[-1] == "1 rows deleted"


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1w", "999999d", "1.5h"])
def test_the_prune_command_rejects_a_malformed_duration(text: str) -> None:
    with pytest.raises(CommandError, match="is not a duration such as 12h or 7d"):
        call_command("prune_write_behind", f"--older-than={text}")


def test_the_admin_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.admin import AdminSite

    # the admin itself may not be installed
    monkeypatch.setattr("django.contrib.admin.register", lambda *_: lambda found: found)
    from .admin import FlushedBatchAdmin
    from .models import FlushedBatch

    admin = FlushedBatchAdmin(FlushedBatch, AdminSite())
    may = (admin.has_add_permission, admin.has_change_permission, admin.has_delete_permission)

    assert [each(None) for each in may] == [False] * 3


def test_memcached_is_not_supported() -> None:
    client: Any = Client("127.0.0.1:1")

    with pytest.raises(NotSupportedError, match="needs Redis"):
        buffer(client, "a name")
