"""200 callers in two processes want a page that takes 100 ms to load: single flight beside others."""

import contextlib
import functools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from dogpile.cache import make_region
from dogpile.cache.api import CachedValue
from dogpile.cache.region import CacheRegion, value_version

from lab import PATIENCE_SECONDS, expire
from labkit.bench import Measured, Work
from labkit.crowd import children
from patterns.caching.single_flight import SingleFlight

VISITORS, PROCESSES = 200, 2
SHARE = VISITORS // PROCESSES
LOAD_SECONDS = 0.1
FRESH_SECONDS = 60
PAGE = {"name": "Mug", "text": "x" * 1000}
OURS = "single_flight"
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
    region = make_region(serializer=lambda value: json.dumps(value).encode(), deserializer=json.loads)
    return region.configure("dogpile.cache.redis", expiration_time=FRESH_SECONDS, arguments=arguments)


def by_single_flight(key: str, load: Load) -> Any:
    return SingleFlight(client=client(), **TIMES).get(key, load).value


def by_django(key: str, load: Load) -> Any:
    """An expired value is gone: stale is the same as cold."""
    return django_cache().get_or_set(key, load, FRESH_SECONDS)


def by_dogpile(key: str, load: Load) -> Any:
    return region().get_or_create(key, load)


WAYS: dict[str, Callable[[str, Load], Any]] = {
    OURS: by_single_flight, "Django's get_or_set": by_django, "dogpile.cache, its lock in Redis": by_dogpile,
}  # fmt: skip


def load(key: str) -> dict[str, Any]:
    client().incr(f"{key}:loads")
    time.sleep(LOAD_SECONDS)
    return PAGE


def store_expired(way: str, key: str) -> None:
    """Stores a value that has just expired, for the ways that keep one."""
    if way == OURS:
        by_single_flight(key, lambda: PAGE)
        expire(client(), key)
    elif way.startswith("dogpile"):
        region()._set_cached_value_to_backend(key, CachedValue(PAGE, {"ct": time.time() - FRESH_SECONDS - 1, "v": value_version}))


def meet(key: str) -> None:
    """Nobody goes on before both processes are here."""
    if gate_client().incr(f"{key}:here") == PROCESSES:
        gate_client().rpush(f"{key}:gate", *["go"] * PROCESSES)
    if gate_client().blpop([f"{key}:gate"], timeout=60) is None:
        raise TimeoutError("the other process did not come")


def visit(way: str, key: str) -> list[float]:
    """The seconds that each caller of one process waited."""
    barrier = threading.Barrier(SHARE, functools.partial(meet, key), timeout=90)

    def one(_: int) -> float:
        barrier.wait()
        began = time.perf_counter()
        WAYS[way](key, functools.partial(load, key))
        return time.perf_counter() - began

    return list(threads().map(one, range(SHARE)))


@functools.cache
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(SHARE)


@contextlib.contextmanager
def stampedes(*, is_stale: bool) -> Iterator[Mapping[str, Work]]:
    """One piece of work is one stampede; its measure is the 99th percentile of the waits."""
    prefix = f"lab-{secrets.token_hex(8)}"
    with ProcessPoolExecutor(PROCESSES, mp_context=children()) as pool:

        def stampede(way: str) -> Measured:
            key = f"{prefix}:{secrets.token_hex(4)}"
            if is_stale:
                store_expired(way, key)
            shares = [pool.submit(visit, way, key) for _ in range(PROCESSES)]
            waits = sorted(wait for share in shares for wait in share.result(timeout=120))
            return Measured(waits[VISITORS * 99 // 100 - 1], {"loads": int(client().get(f"{key}:loads") or 0)})

        try:
            yield {way: functools.partial(stampede, way) for way in WAYS}
        finally:
            client().delete(*client().scan_iter(match=f"*{prefix}*", count=1000), "none")
