"""The pattern without the shop: a real Redis, a real PostgreSQL, and processes that are really killed."""

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
from django.db import NotSupportedError, connection, connections
from django.utils import timezone
from pymemcache.client.base import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

VIEWS = {"mug": 3, "lamp": 1}


def connect() -> redis.Redis:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these promises are Redis's: set REDIS_URL")
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0))


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
            "INSERT INTO a_test_of_views VALUES (%s, %s) ON CONFLICT (member) DO UPDATE SET views = a_test_of_views.views + excluded.views",
            member, number,
        )  # fmt: skip


def written() -> dict[str, int]:
    return dict(run("SELECT member, views FROM a_test_of_views"))


def buffer(client: redis.Redis, name: str) -> Any:
    from .buffer import Buffer  # a model: not before Django is set up, which a killed process does late

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
    """Its process is killed at its `step`-th script: before it is sent, or when its reply has come."""

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


@pytest.mark.parametrize("step", [("before", 1), ("after", 1), ("in", 0), ("before", 2), ("after", 2)])
def test_a_flush_that_is_killed_at_any_step_loses_and_doubles_nothing(
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


def test_two_who_flush_the_same_batch_apply_it_once(client: redis.Redis, name: str, table: None) -> None:
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
            if run("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_blocking_pids(pid) @> ARRAY[pg_backend_pid()]")[0][0]:
                return
        raise AssertionError("the second flush did not wait for the first")

    others: list[threading.Thread] = []
    views.flush(apply_while_another_flushes)
    others[0].join(10)

    assert written() == VIEWS


def test_a_flush_that_is_late_removes_nobody_elses_batch(client: redis.Redis, name: str, table: None) -> None:
    views = viewed(client, name)

    def apply_and_be_overtaken(counts: dict[str, int]) -> None:
        apply(counts)
        client.delete(f"{{{name}}}:batch")  # another flush has found our batch done,
        views.add("vase")
        views._take()  # and a third one has taken the next

    views.flush(apply_and_be_overtaken)
    while views.flush(apply):
        pass

    assert written() == {**VIEWS, "vase": 1}


def test_an_apply_that_raises_leaves_the_batch_for_the_next(client: redis.Redis, name: str, table: None) -> None:
    views = viewed(client, name)
    with pytest.raises(ZeroDivisionError):
        views.flush(lambda counts: apply(counts) or 1 / 0)
    views.flush(apply)

    assert written() == VIEWS


def test_a_member_without_a_name_is_refused(client: redis.Redis, name: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        buffer(client, name).add("")


@pytest.mark.django_db
def test_old_batches_are_forgotten() -> None:
    from .buffer import KEPT_DAYS, prune
    from .models import FlushedBatch

    old, new = (FlushedBatch.objects.create(id=uuid.UUID(int=number)) for number in (1, 2))
    FlushedBatch.objects.filter(pk=old.pk).update(flushed_at=timezone.now() - timedelta(days=KEPT_DAYS + 1))

    assert prune() == 1
    assert FlushedBatch.objects.get() == new


def test_memcached_is_refused_in_words() -> None:
    client: Any = Client("127.0.0.1:1")

    with pytest.raises(NotSupportedError, match="needs a Redis"):
        buffer(client, "a name")
