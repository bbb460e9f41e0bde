"""Something in front of Redis: a second of the process's own memory, the client's cache that Redis keeps true, many keys in one command."""

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import redis
from django.conf import settings
from redis.cache import CacheConfig
from redis.connection import CacheProxyConnection

from catalogue import store
from labkit.bench import Measured, Work
from patterns.caching.single_flight import SingleFlight
from patterns.caching.single_flight.entry import Answer, decode

OURS = "single_flight"
ONE_BY_ONE = "24 pages, one by one"
KEYS = 24  # a page of the list
TIER_SECONDS = 1.0
PAGE = {"name": "Mug", "text": "x" * 1000}
BATCH = 50  # reads a piece of work

Read = Callable[[str], Any]


class LocalTier:
    """What was read within the last second is read again from here. Each process has its own, and hears of no write."""

    def __init__(self, flight: SingleFlight) -> None:
        self.flight = flight
        self.kept: dict[str, tuple[float, Answer]] = {}

    def get(self, key: str) -> Any:
        until, answer = self.kept.get(key, (0.0, None))
        if answer is None or time.monotonic() >= until:
            answer = self.flight.get(key, lambda: PAGE)
            self.kept[key] = time.monotonic() + TIER_SECONDS, answer
        return answer.value


@contextlib.contextmanager
def keys() -> Iterator[tuple[list[str], SingleFlight]]:
    client, prefix = store.client(settings.REDIS_URL), f"lab-{secrets.token_hex(8)}"
    names = [f"{prefix}:{number}" for number in range(KEYS)]
    flight = SingleFlight(client=client, fresh_seconds=3600, stale_seconds=600, lock_seconds=5, wait_seconds=6)
    try:
        yield names, flight
    finally:
        client.delete(*names, *(f"{{{name}}}:lock" for name in names))


@contextlib.contextmanager
def tiers() -> Iterator[Mapping[str, Work | str]]:
    """In front of one key. Each is told, too, how much it shows that is old: of 24 keys, written elsewhere and then read here."""
    with keys() as (names, flight), contextlib.ExitStack() as stack:
        ways: dict[str, Read | str] = {
            OURS: lambda key: flight.get(key, lambda: PAGE).value,
            "a second of the process's own memory": LocalTier(flight).get,
            **client_side_caching(stack, names[0]),
        }
        yield {label: way if isinstance(way, str) else timed(way, names[0], stale_reads(way, names, flight)) for label, way in ways.items()}


def client_side_caching(stack: contextlib.ExitStack, key: str) -> dict[str, Read | str]:
    """redis-py's: it keeps what it has read, and Redis tells it when somebody has written that.

    redis-py refuses it below Redis 7.4. There it is measured as well, with that check lowered, which is for a benchmark only.
    """
    here = str(store.client(settings.REDIS_URL).info("server")["redis_version"])
    label = "RESP3 client-side caching"
    try:
        return {label: tracking(stack, key)}
    except redis.RedisError as error:
        refused = f"redis-py refuses it on Redis {here} ({error}). The row above has that check lowered."
    stack.enter_context(mock.patch.object(CacheProxyConnection, "MIN_ALLOWED_VERSION", here))
    return {f"{label}, redis-py's check lowered to {here}": tracking(stack, key), label: refused}


def tracking(stack: contextlib.ExitStack, key: str) -> Read:
    """Raises RedisError where it is refused."""
    client = stack.enter_context(redis.Redis.from_url(settings.REDIS_URL, protocol=3, cache_config=CacheConfig(max_size=1000)))

    def read(key: str) -> Any:
        entry = decode(client.get(key), {None})
        return entry.value if entry else None

    read(key)
    return read


def stale_reads(read: Read, names: list[str], flight: SingleFlight) -> dict[str, float]:
    """Its staleness test: what is read of each key right after it was written by another client, and a second later."""
    found = {}
    for _ in ("so that there is something old", "and now"):
        word = secrets.token_hex(4)
        write(flight, names, word)
        found = {"stale at once": sum(read(name) != word for name in names)}
        time.sleep(TIER_SECONDS + 0.1)
        found["stale after a second"] = sum(read(name) != word for name in names)
    return {name: float(number) for name, number in found.items()}


def write(flight: SingleFlight, names: list[str], value: Any) -> None:
    now = time.time()
    entry = json.dumps({"value": value, "loaded_at": now, "fresh_until": now + 3600, "load_seconds": 0.0, "version": None})
    flight.client.mset(dict.fromkeys(names, entry))


def timed(read: Read, key: str, figures: Mapping[str, float]) -> Work:
    def work() -> Measured:
        began = time.perf_counter()
        for _ in range(BATCH):
            read(key)
        return Measured(time.perf_counter() - began, figures)

    return work


@contextlib.contextmanager
def many() -> Iterator[Mapping[str, Work]]:
    """Twenty-four pages, all hits. What MGET does not find, or what is due, is got one by one: a load is nobody's to share."""
    with keys() as (names, flight):

        def get(name: str) -> Any:
            return flight.get(name, lambda: PAGE).value

        def mget() -> list[Any]:
            entries = [decode(found, {None}) for found in flight.client.mget(names)]
            return [get(name) if each is None or each.is_due() else each.value for name, each in zip(names, entries, strict=True)]

        def by_mget(name: str) -> Any:
            return mget()[names.index(name)]

        def one_by_one() -> list[Any]:
            return [get(name) for name in names]

        yield {
            ONE_BY_ONE: whole(one_by_one, stale_reads(get, names, flight)),
            "24 pages by MGET": whole(mget, stale_reads(by_mget, names, flight)),
        }


def whole(work: Callable[[], list[Any]], figures: Mapping[str, float]) -> Work:
    def measured() -> Measured:
        began = time.perf_counter()
        work()
        return Measured(time.perf_counter() - began, figures)

    return measured
