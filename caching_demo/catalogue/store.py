"""Which store keeps the pages (CACHE), and its clients, breaker, generation and counters."""

import functools
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.core.cache import cache, caches
from django.db import DatabaseError, InterfaceError, NotSupportedError
from pymemcache.client.base import PooledClient
from pymemcache.exceptions import MemcacheError

from patterns.caching.breaker import Breaker, CircuitOpen
from patterns.caching.fail_open import TIMEOUT_SECONDS, breaker_of
from patterns.caching.failover import connect
from patterns.caching.generations import Generation
from patterns.caching.hit_ratio import HitRatio
from patterns.caching.leaderboard import Leaderboard
from patterns.caching.leases import Leases, MemcachedStore, RedisStore
from patterns.caching.single_flight import SingleFlight
from patterns.caching.write_behind.buffer import Buffer

AWAY = (CircuitOpen, redis.RedisError, MemcacheError, OSError)

FRESH_SECONDS = 60  # how long an unchanged page is shown; other services' writes show after this at the latest
STALE_SECONDS = 600  # how much longer a page is kept, to be shown while it is renewed
LOCK_SECONDS = 5  # far above the slowest load: when it runs out, a second load begins beside the first
WAIT_SECONDS = 6  # above LOCK_SECONDS: a caller that waits for a dead loader can replace it
MAX_CONNECTIONS = 100  # per process; without a free one a caller waits TIMEOUT_SECONDS, then does without Redis
HITS = ("hit", "stale", "stale-if-error")


def server() -> str:
    """Where the store is: a URL of Redis, host:port of Memcached, or nothing."""
    return {"redis": settings.REDIS_URL, "memcached": settings.MEMCACHED_URL}.get(settings.CACHE, "")


def counters_server() -> str:
    """Where Redis counts and locks: beside the pages, whose server may evict what it holds."""
    return settings.COUNTERS_URL or server()


def counters_breaker() -> Breaker:
    return breaker_of(counters_server(), 1.0)


def breaker() -> Breaker:
    """Shared with Django's cache (patterns/caching/fail_open): both learn of an outage at once."""
    return breaker_of(server(), 1.0)


@functools.cache
def client(url: str) -> redis.Redis:
    """One connection pool per process, shared by its threads."""
    return connect(url, max_connections=MAX_CONNECTIONS, **settings.REDIS_OPTIONS)


@functools.cache
def memcached(address: str) -> PooledClient:
    return PooledClient(address, connect_timeout=TIMEOUT_SECONDS, timeout=TIMEOUT_SECONDS, max_pool_size=MAX_CONNECTIONS)


def flight(*, fresh_seconds: float = FRESH_SECONDS, shared: tuple[type[Exception], ...] = ()) -> SingleFlight:
    """`shared`: errors of a load that are not loaded again for a second. Raises NotSupportedError on Memcached, which has no scripts."""
    if settings.CACHE == "memcached":
        raise NotSupportedError("single flight needs Redis: Memcached cannot store a value only while a lock is held")
    return SingleFlight(
        client=client(server()),
        fresh_seconds=fresh_seconds,
        stale_seconds=STALE_SECONDS,
        lock_seconds=LOCK_SECONDS,
        wait_seconds=WAIT_SECONDS,
        stale_if=(DatabaseError, InterfaceError),
        shared=shared,
    )


def leases(*, keep_seconds: float = STALE_SECONDS) -> Leases:
    store = MemcachedStore(memcached(server())) if settings.CACHE == "memcached" else RedisStore(client(server()))
    return Leases(store=store, keep_seconds=keep_seconds, lease_seconds=LOCK_SECONDS)


def generation() -> Generation:
    """One for the whole catalogue: a product's page shows its category and its neighbours."""
    strict = None if settings.CACHE == "off" else caches["strict"]
    return Generation(cache, settings.CACHE_KEY_PREFIX, strict=strict, on_unsent=record_unsent)


def record_unsent() -> None:
    """In the transaction of the change: `repair` bumps for it, whatever becomes of this process."""
    apps.get_model("catalogue", "UnsentBump").objects.create()


def repair() -> None:
    """Sends the bumps that other processes could not send. Call it about once a second."""
    rows = apps.get_model("catalogue", "UnsentBump").objects
    found = list(rows.values_list("pk", flat=True))
    if found and generation().bump():
        rows.filter(pk__in=found).delete()


def redis_only() -> Any:
    """For patterns that Memcached does not support: they reject its client with the reason."""
    return memcached(server()) if settings.CACHE == "memcached" else client(counters_server())


def views() -> Buffer:
    return Buffer(redis_only(), f"{settings.CACHE_KEY_PREFIX}:views")


def trending() -> Leaderboard:
    return Leaderboard(client=redis_only(), name=f"{settings.CACHE_KEY_PREFIX}:trending")


def send_counts(**_: Any) -> None:
    """After a response, about once a second, so that no visitor waits for it."""
    if settings.CACHE == "redis" and not counters_breaker().is_open:
        counters().flush_if_due()


def counters() -> HitRatio:
    return counters_of(counters_server(), settings.CACHE_KEY_PREFIX)


@functools.cache
def counters_of(url: str, prefix: str) -> HitRatio:
    return HitRatio(client(url), f"{prefix}:counters", hits=HITS)
