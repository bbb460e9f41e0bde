"""The pattern without the shop: a real Redis, and a table of its own in PostgreSQL."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import NotSupportedError, connection, models
from pymemcache.client.base import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import FencedLock, NotAcquired, write_fenced


class Report(models.Model):
    text = models.TextField(default="")
    fence = models.BigIntegerField(default=0)

    class Meta:
        app_label = "a_test_of_fenced_lock"


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these promises are Redis's: set REDIS_URL")
    with redis.Redis.from_url(
        os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0)
    ) as client:
        yield client


@pytest.fixture
def lock(client: redis.Redis) -> Iterator[FencedLock]:
    lock = FencedLock(client=client, name=f"test-{secrets.token_hex(8)}", ttl_seconds=10)
    yield lock
    client.delete(word(lock), fence(lock))


def word(lock: FencedLock) -> str:
    return f"{{{lock.name}}}"


def fence(lock: FencedLock) -> str:
    return f"{{{lock.name}}}:fence"


@pytest.fixture
def report(transactional_db: None) -> Iterator["models.QuerySet[Report]"]:
    with connection.schema_editor() as editor:
        editor.create_model(Report)
    yield Report.objects.filter(pk=Report.objects.create().pk)
    with connection.schema_editor() as editor:
        editor.delete_model(Report)


def run_out(lock: FencedLock) -> None:
    """What its time-out does."""
    lock.client.delete(word(lock))


def test_one_holder_at_a_time(lock: FencedLock) -> None:
    with lock.hold(), pytest.raises(NotAcquired), lock.hold():
        raise AssertionError("two hold it")
    with lock.hold():
        pass


def test_the_one_that_lost_the_lock_writes_nothing(
    lock: FencedLock, report: "models.QuerySet[Report]"
) -> None:
    with lock.hold() as first:
        run_out(lock)
        with lock.hold() as second:
            written = write_fenced(report, second, text="second")
        late = write_fenced(report, first, text="first")

    assert (written, late) == (True, False)
    assert report.get().text == "second"


def test_a_holder_may_write_more_than_once(
    lock: FencedLock, report: "models.QuerySet[Report]"
) -> None:
    with lock.hold() as token:
        assert [write_fenced(report, token, text=text) for text in ("draft", "final")] == [
            True,
            True,
        ]

    assert (report.get().text, report.get().fence) == ("final", token)


def test_a_late_release_does_not_release_another_holders_lock(lock: FencedLock) -> None:
    with lock.hold():
        run_out(lock)
        second = lock.hold()
        second.__enter__()

    with pytest.raises(NotAcquired), lock.hold():
        pass
    second.__exit__(None, None, None)


def test_tokens_rise_even_if_redis_lost_the_last_or_its_clock_stands_still(
    lock: FencedLock,
) -> None:
    tokens = []
    for _ in range(3):
        with lock.hold() as token:
            tokens.append(token)
        lock.client.delete(fence(lock))
    for _ in range(3):
        with lock.hold() as token:
            tokens.append(token)
        lock.client.set(
            fence(lock), tokens[-1] + 10**12
        )  # as if the clock had gone back by eleven days
        tokens.append(tokens[-1] + 10**12)

    assert tokens == sorted(set(tokens))


def test_an_error_in_the_work_releases_the_lock(lock: FencedLock) -> None:
    with pytest.raises(ZeroDivisionError), lock.hold():
        raise ZeroDivisionError

    with lock.hold():
        pass


def test_the_lock_of_a_dead_holder_expires(lock: FencedLock) -> None:
    dead = lock.hold()
    dead.__enter__()

    assert 0 < int(lock.client.pttl(word(lock))) <= 10_000  # type: ignore[arg-type]
    dead.__exit__(None, None, None)


def test_a_release_that_fails_does_not_undo_the_work(
    lock: FencedLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise redis.TimeoutError

    with lock.hold():
        monkeypatch.setattr(redis.Redis, "eval", away)
    monkeypatch.undo()

    assert lock.client.exists(word(lock))


def test_memcached_is_not_supported() -> None:
    client: Any = Client("127.0.0.1:1")

    with pytest.raises(NotSupportedError, match="needs Redis"):
        FencedLock(client=client, name="a lock", ttl_seconds=1)
