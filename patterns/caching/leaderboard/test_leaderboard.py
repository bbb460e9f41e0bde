"""The leaderboard on a real Redis, with a clock set by hand."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import NotSupportedError
from pymemcache.client.base import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import Leaderboard

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 3600
HOUR = 3600


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Iterator[Leaderboard]:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these promises are Redis's: set REDIS_URL")
    with redis.Redis.from_url(
        os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0)
    ) as client:
        board = Leaderboard(
            client=client,
            name=f"test-{secrets.token_hex(8)}",
            spans=3,
            half_life_seconds=HOUR,
            clock=clock,
        )
        yield board
        client.delete(*client.scan_iter(match=f"*{board.name}*", count=1000), "none")


def test_a_view_loses_half_of_its_weight_each_half_life(board: Leaderboard, clock: Clock) -> None:
    board.add("old", 100)
    clock.now += HOUR
    board.add("new", 60)

    assert board.top(2) == [("new", 60), ("old", 50)]


def test_views_older_than_all_spans_count_nothing(board: Leaderboard, clock: Clock) -> None:
    board.add("last year's", 1e9)
    clock.now += 2 * HOUR
    still = board.top(1)
    clock.now += HOUR

    assert (still, board.top(1)) == ([("last year's", 2.5e8)], [])


def test_redis_drops_old_spans(board: Leaderboard) -> None:
    board.add("mug")
    board.top(1)

    lives = {
        str(key).partition("}:")[2].split(":")[0]: board.client.ttl(key)
        for key in board.client.scan_iter(match=f"*{board.name}*")
    }

    assert 3 * HOUR < lives["span"] <= 4 * HOUR  # type: ignore[operator]
    assert 0 < lives["top"] <= 11  # type: ignore[operator]


def test_the_list_is_at_most_refresh_seconds_old(board: Leaderboard, clock: Clock) -> None:
    board.add("mug")
    board.top(1)
    board.add("lamp", 2)
    before = board.top(1)
    clock.now += 10

    assert (before, board.top(1)) == ([("mug", 1.0)], [("lamp", 2.0)])


def test_equal_members_are_ordered_by_name(board: Leaderboard) -> None:
    for member in ("lamp", "vase", "clock", "mug"):
        board.add(member)
    board.add("teapot", 2)

    assert [member for member, _ in board.top(3)] == ["teapot", "clock", "lamp"]


def test_memcached_is_not_supported() -> None:
    client: Any = Client("127.0.0.1:1")

    with pytest.raises(NotSupportedError, match="sorted sets"):
        Leaderboard(client=client, name="a name")
