"""The pattern without the shop, on a real Redis. What is loaded is a number, and who loads it is noted."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ..single_flight import SingleFlight, StillLoading
from . import AsyncSingleFlight

NOW = 1_800_000_000.0
CROWD = 20


def connect() -> redis.asyncio.Redis:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these promises are Redis's: set REDIS_URL")
    return redis.asyncio.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0))


@pytest.fixture
async def client() -> AsyncIterator[redis.asyncio.Redis]:
    async with connect() as client:
        yield client


@pytest.fixture
async def key(client: redis.asyncio.Redis) -> AsyncIterator[str]:
    key = f"test-{secrets.token_hex(8)}"
    yield key
    await client.delete(key, lock_of(key))


def lock_of(key: str) -> str:
    return f"{{{key}}}:lock"


def times(now: float, **changes: Any) -> dict[str, Any]:
    """At a fixed time, with no chance in it: nothing expires early."""
    values = {"fresh_seconds": 60, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 10, "chance": lambda: 0.0}
    return {**values, "clock": lambda: now, **changes}


def at(now: float, client: redis.asyncio.Redis, **changes: Any) -> AsyncSingleFlight:
    return AsyncSingleFlight(client=client, **times(now, **changes))


async def never() -> None:
    raise AssertionError("loaded a second time")


class Load:
    """Returns what it was given, when it may."""

    def __init__(self, value: Any) -> None:
        self.value, self.count = value, 0
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> Any:
        self.count += 1
        self.begun.set()
        await asyncio.wait_for(self.may_end.wait(), 10)
        return self.value


async def test_while_one_loads_all_others_get_the_stale_value_at_once(client: redis.asyncio.Redis, key: str) -> None:
    old, new = Load("old"), Load("new")
    old.may_end.set()
    await at(NOW, client).get(key, old)
    later = at(NOW + 61, client)
    first = asyncio.create_task(later.get(key, new))
    await new.begun.wait()

    others = await asyncio.gather(*(later.get(key, never) for _ in range(CROWD)))  # before the load has ended

    new.may_end.set()
    assert (await first)[:2] == ("new", "refresh")
    assert [(each.value, each.outcome, each.ttl_seconds) for each in others] == [("old", "stale", -1.0)] * CROWD


@pytest.mark.parametrize("clients", [1, CROWD], ids=["of one process", "of many"])
async def test_with_no_stale_value_all_others_wait_for_the_one_load(key: str, clients: int) -> None:
    several = [connect() for _ in range(clients)]  # who shares none asks for itself, as another process would
    load = Load("new")
    waiting = [asyncio.create_task(at(NOW, several[number % clients]).get(key, load)) for number in range(CROWD)]
    await load.begun.wait()
    await asyncio.sleep(0.05)
    load.may_end.set()

    answers = await asyncio.gather(*waiting)
    for each in several:
        await each.aclose()

    assert load.count == 1
    assert {each.value for each in answers} == {"new"}
    assert sorted(each.outcome for each in answers) == ["collapsed"] * (CROWD - 1) + ["miss"]


class Counting(redis.asyncio.Redis):
    trips = 0

    def execute_command(self, *words: Any, **options: Any) -> Any:
        self.trips += 1
        return super().execute_command(*words, **options)


async def test_coroutines_that_come_together_ask_redis_together(client: redis.asyncio.Redis, key: str) -> None:
    load = Load("value")
    load.may_end.set()
    await at(NOW, client).get(key, load)
    counting = Counting(connection_pool=client.connection_pool)

    answers = await asyncio.gather(*(at(NOW, counting).get(key, never) for _ in range(CROWD)))

    assert counting.trips == 1
    assert {(each.value, each.outcome) for each in answers} == {("value", "hit")}


async def test_threads_and_coroutines_read_and_lock_the_same(client: redis.asyncio.Redis, key: str) -> None:
    def in_a_thread(load: Any) -> Any:
        with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2) as own:
            return SingleFlight(client=own, **times(NOW)).get(key, load)

    load = Load("theirs")
    first = asyncio.create_task(at(NOW, client).get(key, load))
    await load.begun.wait()
    other = asyncio.create_task(asyncio.to_thread(in_a_thread, lambda: "loaded twice"))
    await asyncio.sleep(0.05)
    load.may_end.set()

    assert (await first)[:2] == ("theirs", "miss")
    assert (await other)[:2] == ("theirs", "collapsed")


async def test_who_waits_in_vain_is_told_so(client: redis.asyncio.Redis, key: str) -> None:
    await client.set(lock_of(key), "another's", ex=10)

    with pytest.raises(StillLoading):
        await at(NOW, client, wait_seconds=0.1).get(key, never)


async def test_a_loader_that_raises_frees_its_lock(client: redis.asyncio.Redis, key: str) -> None:
    with pytest.raises(AssertionError):
        await at(NOW, client).get(key, never)

    assert not await client.exists(lock_of(key))


async def test_a_loader_that_is_cancelled_is_followed_at_once(client: redis.asyncio.Redis, key: str) -> None:
    left, load = Load("never seen"), Load("loaded")
    load.may_end.set()
    first = asyncio.create_task(at(NOW, client).get(key, left))
    await left.begun.wait()
    second = asyncio.create_task(at(NOW, client).get(key, load))
    await asyncio.sleep(0.02)
    first.cancel()

    answer = await asyncio.wait_for(second, 2)  # its lock would have been there for five seconds

    assert first.cancelled()
    assert (answer.value, answer.outcome) == ("loaded", "miss")


async def test_when_a_lock_becomes_free_one_of_those_who_wait_together_loads(client: redis.asyncio.Redis, key: str) -> None:
    load = Load("loaded")
    load.may_end.set()
    await client.set(lock_of(key), "a dead loader's", px=100)

    answers = await asyncio.gather(*(at(NOW, client).get(key, load) for _ in range(CROWD)))

    assert load.count == 1
    assert sorted(each.outcome for each in answers) == ["collapsed"] * (CROWD - 1) + ["miss"]


async def test_a_loader_that_comes_too_late_stores_nothing_and_frees_nobodys_lock(client: redis.asyncio.Redis, key: str) -> None:
    load = Load("late")
    first = asyncio.create_task(at(NOW, client).get(key, load))
    await load.begun.wait()
    await client.set(lock_of(key), "another's")
    load.may_end.set()

    answer = await first

    assert (answer.value, answer.is_stored) == ("late", False)
    assert await client.get(lock_of(key)) == b"another's"
    assert not await client.exists(key)


async def test_while_redis_is_away_its_error_reaches_the_caller(key: str) -> None:
    async with redis.asyncio.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nowhere:
        with pytest.raises(redis.ConnectionError):
            await at(NOW, nowhere).get(key, never)


async def test_what_is_loaded_and_cannot_be_stored_reaches_its_caller(client: redis.asyncio.Redis, key: str) -> None:
    class Deaf(redis.asyncio.Redis):
        def eval(self, *_: Any, **__: Any) -> Any:
            raise redis.ConnectionError("gone")

    load = Load("value")
    load.may_end.set()
    deaf = Deaf(connection_pool=client.connection_pool)

    answer = await at(NOW, deaf).get(key, load)

    assert (answer.value, answer.is_stored) == ("value", False)
