"""Two hundred who ask at once, from two processes, for a page that takes a tenth of a second to load: ours beside others' ways."""

import asyncio
import contextlib
import functools
import secrets
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import cashews
import orjson
import redis
import redis.asyncio
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from dogpile.cache import make_region
from dogpile.cache.api import CachedValue
from dogpile.cache.region import CacheRegion, value_version

from lab import PATIENCE_SECONDS
from labkit.bench import Measured, Work
from labkit.crowd import children
from patterns.caching.async_single_flight import AsyncSingleFlight
from patterns.caching.single_flight import SingleFlight

VISITORS, PROCESSES = 200, 2
SHARE = VISITORS // PROCESSES
LOAD_SECONDS = 0.1
FRESH_SECONDS = 60
PAGE = {"name": "Mug", "text": "x" * 1000}
OURS, OURS_IN_A_LOOP = "single_flight", "async_single_flight (asyncio)"
TIMES: dict[str, Any] = {"fresh_seconds": FRESH_SECONDS, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 6}

Load = Callable[[], Any]


@functools.cache
def client() -> redis.Redis:
    """As the service's own: blocking, since redis-py's default pool refuses the one above its number. Only more patient."""
    options = {"max_connections": SHARE, "timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
    return redis.Redis(connection_pool=redis.BlockingConnectionPool.from_url(settings.REDIS_URL, **options))


@functools.cache
def gate_client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=70)


@functools.cache
def django_cache() -> RedisCache:
    return RedisCache(settings.REDIS_URL, {"OPTIONS": {"socket_timeout": PATIENCE_SECONDS, "max_connections": 2 * SHARE}})


@functools.cache
def region() -> CacheRegion:
    arguments = {"url": settings.REDIS_URL, "distributed_lock": True, "thread_local_lock": False, "lock_timeout": 5}
    region = make_region(serializer=orjson.dumps, deserializer=orjson.loads)
    return region.configure("dogpile.cache.redis", expiration_time=FRESH_SECONDS, arguments=arguments)


def clock(is_stale: bool) -> float:
    return time.time() + is_stale * (FRESH_SECONDS + 1)


def by_single_flight(key: str, load: Load, is_stale: bool) -> Any:
    return SingleFlight(client=client(), clock=functools.partial(clock, is_stale), **TIMES).get(key, load).value


def by_django(key: str, load: Load, is_stale: bool) -> Any:
    """What has expired is gone: stale is the same as cold."""
    return django_cache().get_or_set(key, load, FRESH_SECONDS)


def by_dogpile(key: str, load: Load, is_stale: bool) -> Any:
    return region().get_or_create(key, load)


# of these the visitors are coroutines, a loop a process
THREADS: dict[str, Callable[[str, Load, bool], Any]] = {
    OURS: by_single_flight, "Django's get_or_set": by_django, "dogpile.cache, its lock in Redis": by_dogpile,
}  # fmt: skip
COROUTINES = {
    False: (OURS_IN_A_LOOP, "cashews, cache(lock=True)"),  # with protected=False each stampede takes half a minute
    True: (OURS_IN_A_LOOP, "cashews, early()", "cashews, early(protected=False)"),
}


def load(key: str) -> dict[str, Any]:
    client().incr(f"{key}:loads")
    time.sleep(LOAD_SECONDS)
    return PAGE


def expire(way: str, key: str) -> None:
    """Stores what has been good until a moment ago, where the way knows such a thing."""
    if way in (OURS, OURS_IN_A_LOOP):
        by_single_flight(key, lambda: PAGE, False)
    elif way.startswith("dogpile"):
        region()._set_cached_value_to_backend(key, CachedValue(PAGE, {"ct": time.time() - FRESH_SECONDS - 1, "v": value_version}))


def meet(key: str) -> None:
    """Nobody goes on before both processes are here."""
    if gate_client().incr(f"{key}:here") == PROCESSES:
        gate_client().rpush(f"{key}:gate", *["go"] * PROCESSES)
    if gate_client().blpop([f"{key}:gate"], timeout=60) is None:
        raise TimeoutError("the other process did not come")


def visit(way: str, key: str, is_stale: bool) -> list[float]:
    """One process's share of the visitors: the seconds that each has waited."""
    if way in COROUTINES[is_stale]:
        return asyncio.run(visit_in_a_loop(way, key, is_stale))
    barrier = threading.Barrier(SHARE, functools.partial(meet, key), timeout=90)

    def one(_: int) -> float:
        barrier.wait()
        began = time.perf_counter()
        THREADS[way](key, functools.partial(load, key), is_stale)
        return time.perf_counter() - began

    return list(threads().map(one, range(SHARE)))


@functools.cache
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(SHARE)


async def visit_in_a_loop(way: str, key: str, is_stale: bool) -> list[float]:
    async def one(get: Callable[[], Awaitable[Any]]) -> float:
        began = time.perf_counter()
        await get()
        return time.perf_counter() - began

    async with (by_cashews if way.startswith("cashews") else by_async_single_flight)(way, key, is_stale) as get:
        await asyncio.to_thread(meet, key)
        return list(await asyncio.gather(*(one(get) for _ in range(SHARE))))


async def slow(key: str) -> Any:
    await asyncio.to_thread(client().incr, f"{key}:loads")
    await asyncio.sleep(LOAD_SECONDS)
    return PAGE


@contextlib.asynccontextmanager
async def by_async_single_flight(way: str, key: str, is_stale: bool) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS) as own:
        await own.ping()  # connected
        flight = AsyncSingleFlight(client=own, clock=functools.partial(clock, is_stale), **TIMES)
        yield lambda: flight.get(key, functools.partial(slow, key))


@contextlib.asynccontextmanager
async def by_cashews(way: str, key: str, is_stale: bool) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    cache = cashews.Cache()
    cache.setup(settings.REDIS_URL, max_connections=2 * SHARE, socket_timeout=PATIENCE_SECONDS, suppress=False)

    async def quick() -> Any:
        return PAGE

    if is_stale:
        await cache.early(ttl=600, early_ttl=0.001, key=key)(quick)()
        await asyncio.sleep(0.01)
    load = functools.partial(slow, key)
    if is_stale:
        get = cache.early(ttl=600, early_ttl=FRESH_SECONDS, key=key, protected="protected=False" not in way)(load)
    else:
        get = cache(ttl=FRESH_SECONDS, key=key, lock=True)(load)
    await asyncio.gather(*(cache.ping() for _ in range(SHARE)))  # connected
    yield get
    await asyncio.sleep(2 * LOAD_SECONDS)  # what early() loads in the background
    await cache.close()


@contextlib.contextmanager
def stampedes(*, is_stale: bool) -> Iterator[Mapping[str, Work]]:
    """One piece of work is one stampede; what is compared is the wait that 99 of 100 visitors stay below."""
    prefix = f"lab-{secrets.token_hex(8)}"
    with ProcessPoolExecutor(PROCESSES, mp_context=children()) as pool:

        def stampede(way: str) -> Measured:
            key = f"{prefix}:{secrets.token_hex(4)}"
            if is_stale:
                expire(way, key)
            shares = [pool.submit(visit, way, key, is_stale) for _ in range(PROCESSES)]
            waits = sorted(wait for share in shares for wait in share.result(timeout=120))
            return Measured(waits[VISITORS * 99 // 100 - 1], {"loads": int(client().get(f"{key}:loads") or 0)})

        try:
            yield {way: functools.partial(stampede, way) for way in (*THREADS, *COROUTINES[is_stale])}
        finally:
            client().delete(*client().scan_iter(match=f"*{prefix}*", count=1000), "none")
