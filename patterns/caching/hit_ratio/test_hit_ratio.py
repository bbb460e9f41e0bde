"""The counters on a real Redis."""

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.db import NotSupportedError
from pymemcache.client.base import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import HitRatio


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("this pattern needs Redis: set REDIS_URL")
    with redis.Redis.from_url(
        os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0)
    ) as client:
        yield client


@pytest.fixture
def name(client: redis.Redis) -> Iterator[str]:
    name = f"test-{secrets.token_hex(8)}"
    yield name
    client.delete(name)


def test_each_namespace_has_its_own_ratio(client: redis.Redis, name: str) -> None:
    ratio = HitRatio(client, name, hits=("hit", "stale"))
    for namespace, outcome, number in (
        ("page", "hit", 5),
        ("page", "miss", 3),
        ("page", "stale", 1),
        ("session", "hit", 91),
    ):
        ratio.count(namespace, outcome, number)
    ratio.flush()

    tallies = ratio.read()

    assert tallies["page"].counts == {"hit": 5, "miss": 3, "stale": 1}
    assert (tallies["page"].ratio, tallies["session"].ratio) == (6 / 9, 1.0)


def test_no_count_of_a_thread_or_process_is_lost(client: redis.Redis, name: str) -> None:
    ratios = [HitRatio(client, name, every_seconds=0) for _ in range(2)]  # one per process

    def read(number: int) -> None:
        ratios[number % 2].count("page", "hit" if number % 3 else "miss")
        ratios[number % 2].flush_if_due()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(read, range(600)))
    for ratio in ratios:
        ratio.flush()

    assert ratios[0].read()["page"].counts == {"hit": 400, "miss": 200}


def test_counting_sends_nothing_until_a_flush_is_due(name: str, client: redis.Redis) -> None:
    ratio = HitRatio(client, name, every_seconds=60)
    ratio.count("page", "hit", 10)
    ratio.flush_if_due()
    before = ratio.read()
    ratio.every_seconds = 0
    ratio.count("page", "hit")
    ratio.flush_if_due()
    ratio.every_seconds = 60
    ratio.count("page", "hit")
    ratio.flush_if_due()

    assert before == {}
    assert ratio.read()["page"].counts == {"hit": 11}  # the last one waits


class Failing(redis.Redis):
    error: redis.RedisError | None

    def pipeline(self, *words: Any, **options: Any) -> Any:
        if self.error:
            raise self.error
        return super().pipeline(*words, **options)


@pytest.mark.parametrize(
    ("error", "counted"),
    [(redis.ConnectionError("refused"), 3), (redis.TimeoutError("who knows"), 1)],
)
def test_a_failed_flush_is_repeated_only_if_it_did_not_arrive(
    client: redis.Redis, name: str, error: redis.RedisError, counted: int
) -> None:
    failing = Failing(connection_pool=client.connection_pool)
    ratio = HitRatio(failing, name)
    failing.error = error
    ratio.count("page", "hit", 2)
    ratio.flush()
    failing.error = None
    ratio.count("page", "hit")
    ratio.flush()

    assert ratio.read()["page"].counts == {"hit": counted}


def test_a_namespace_without_reads_has_the_ratio_0(client: redis.Redis, name: str) -> None:
    ratio = HitRatio(client, name)
    ratio.flush()

    assert ratio.read() == {}
    ratio.count("page", "hit", 0)
    ratio.flush()
    assert ratio.read()["page"].ratio == 0.0


def test_memcached_is_not_supported() -> None:
    client: Any = Client("127.0.0.1:1")

    with pytest.raises(NotSupportedError, match="need Redis"):
        HitRatio(client, "a name")
