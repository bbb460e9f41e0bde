"""Which store keeps the pages (CACHE), and what every process has of it: a client, a breaker, a generation, counters."""

import functools
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from pymemcache.client.base import PooledClient
from pymemcache.exceptions import MemcacheError

from patterns.caching.breaker import Breaker, CircuitOpen
from patterns.caching.fail_open import TIMEOUT_SECONDS, breaker_of
from patterns.caching.generations import Generation
from patterns.caching.hit_ratio import HitRatio
from patterns.caching.leaderboard import Leaderboard
from patterns.caching.leases import Leases, MemcachedStore, RedisStore
from patterns.caching.memcached_flight import MemcachedFlight
from patterns.caching.single_flight import SingleFlight
from patterns.caching.write_behind.buffer import Buffer

AWAY = (CircuitOpen, redis.RedisError, MemcacheError, OSError)

FRESH_SECONDS = 60  # how long a page is shown that nobody has changed here; other services' writes come no later than this
STALE_SECONDS = 600  # how long after that a page is kept, to be shown while another is loaded
LOCK_SECONDS = 5  # far above the slowest load: when it runs out, a second load begins beside the first
WAIT_SECONDS = 6  # above LOCK_SECONDS: who waits for a loader that died is there when the lock is free again
MAX_CONNECTIONS = 100  # a process; who finds none free waits TIMEOUT_SECONDS, and then does without
HITS = ("hit", "stale")


def server() -> str:
    """Where the store is: a URL of Redis, host:port of Memcached, or nothing."""
    return {"redis": settings.REDIS_URL, "memcached": settings.MEMCACHED_URL}.get(settings.CACHE, "")


def breaker() -> Breaker:
    """The same one as Django's cache has (patterns/caching/fail_open): what one of them finds out, the other need not."""
    return breaker_of(server(), 1.0)


@functools.cache
def client(url: str) -> redis.Redis:
    """One pool of connections a process. Threads may share it."""
    pool = redis.BlockingConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, timeout=TIMEOUT_SECONDS, **settings.REDIS_OPTIONS)
    return redis.Redis(connection_pool=pool)


@functools.cache
def memcached(address: str) -> PooledClient:
    return PooledClient(address, connect_timeout=TIMEOUT_SECONDS, timeout=TIMEOUT_SECONDS, max_pool_size=MAX_CONNECTIONS)


def flight(*, fresh_seconds: float, clock: Callable[[], float]) -> SingleFlight:
    values: dict[str, Any] = {
        "fresh_seconds": fresh_seconds,
        "stale_seconds": STALE_SECONDS,
        "lock_seconds": LOCK_SECONDS,
        "wait_seconds": WAIT_SECONDS,
        "clock": clock,
    }
    if settings.CACHE == "memcached":
        return MemcachedFlight(client=memcached(server()), **values)
    return SingleFlight(client=client(server()), **values)


def leases() -> Leases:
    store = MemcachedStore(memcached(server())) if settings.CACHE == "memcached" else RedisStore(client(server()))
    return Leases(store=store, keep_seconds=STALE_SECONDS, lease_seconds=LOCK_SECONDS)


def generation() -> Generation:
    """One for the whole catalogue: a product's page shows its category and its neighbours."""
    return Generation(cache, settings.CACHE_KEY_PREFIX)


def redis_only() -> Any:
    """For what Memcached cannot: the patterns refuse its client, and say why."""
    return memcached(server()) if settings.CACHE == "memcached" else client(server())


def views() -> Buffer:
    return Buffer(redis_only(), f"{settings.CACHE_KEY_PREFIX}:views")


def trending() -> Leaderboard:
    return Leaderboard(client=redis_only(), name=f"{settings.CACHE_KEY_PREFIX}:trending")


def counters() -> HitRatio:
    return counters_of(server(), settings.CACHE_KEY_PREFIX)


@functools.cache
def counters_of(url: str, prefix: str) -> HitRatio:
    return HitRatio(client(url), f"{prefix}:counters", hits=HITS)
