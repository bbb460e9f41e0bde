"""A failover with two real servers: the address moves, the old master becomes a replica."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import cache, caches
from django.test import Client

from catalogue import store
from catalogue.models import Product
from catalogue.services import flush_views, trending_lock
from labkit import FaultProxy
from labkit.processes import free_port, wait_until
from patterns.caching.fenced_lock import FencedLock
from patterns.http.rate_limit.limiter import Limit, Limiter
from tests.conftest import own_server, use

PAGE = "/products/SKU-000001/"
JSON = "application/json"
RECOVERY_SECONDS = 2
THREADS = 8  # as gunicorn's: each has a pooled connection

pytestmark = pytest.mark.native
Login = Callable[..., dict[str, str]]


@pytest.fixture
def fail_over(settings: Any, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Makes the replica the master, and moves the address to it."""
    old, new = free_port(), free_port()
    for port in (old, new):
        (tmp_path / str(port)).mkdir()
    with (
        own_server("redis", old, tmp_path / str(old)),
        own_server("redis", new, tmp_path / str(new)),
        redis.Redis(port=old) as first,
        redis.Redis(port=new) as second,
        FaultProxy("127.0.0.1", old) as proxy,
    ):
        first.config_set("repl-diskless-sync-delay", 0)
        second.replicaof("127.0.0.1", old)
        wait_until(lambda: second.info("replication")["master_link_status"] == "up", timeout_seconds=10, what="replica")
        use(settings, "redis", server=f"redis://127.0.0.1:{proxy.port}")

        def move() -> None:
            first.wait(1, 1000)
            second.replicaof("NO", "ONE")
            first.replicaof("127.0.0.1", new)
            proxy.upstream = ("127.0.0.1", new)

        yield move
        caches.close_all()


def limiter() -> Limiter:
    return Limiter(store.client(store.server()), prefix=store.settings.CACHE_KEY_PREFIX)


def is_allowed_by_redis(limiter: Limiter) -> bool:
    """Counting locally is not enough: `check` returns None while Redis refuses."""
    return limiter.check([(Limit("views", 1000, 60), "someone")], count_locally=False) is not None


def holds(lock: FencedLock) -> bool:
    with lock.hold():
        return True


def works(use_it: Callable[[], Any]) -> Callable[[], bool]:
    def try_it() -> bool:
        try:
            return bool(use_it())
        except redis.RedisError:
            return False

    return try_it


def connected(pool: redis.ConnectionPool) -> Any:
    """The pool's time-outs are short: on a busy machine not every connection is made at the first try."""
    for _ in range(10):
        with contextlib.suppress(redis.TimeoutError):
            return pool.get_connection()
    return pool.get_connection()


def test_cache_locks_counters_and_limits_follow_a_failover_within_two_seconds(
    client: Client, committed_mug: Product, fail_over: Callable[[], None], login: Login
) -> None:
    limits, headers = limiter(), login("staff", "staff")

    def change(price: str) -> bool:
        return bool(client.patch(PAGE, {"price": price}, JSON, headers=headers).status_code == 200)

    def store_in_django() -> bool:
        cache.set("greeting", time.monotonic(), 60)
        return cache.get("greeting") is not None

    uses: dict[str, Callable[[], Any]] = {
        "a change of price": lambda: change("5.90"),
        "a page": lambda: client.get(PAGE)["Cache-Status"].startswith("catalogue; hit"),
        "a lock": lambda: holds(trending_lock(5)),
        "a counter": lambda: store.views().add(committed_mug.sku) or store.client(store.server()).exists(f"{{{store.views().name}}}"),
        "a leaderboard": lambda: store.trending().add(committed_mug.sku) or store.trending().top(1),
        "a lease": lambda: store.leases().get(f"{store.settings.CACHE_KEY_PREFIX}:l", lambda: 1) and True,
        "hit ratio": lambda: store.counters().count("page", "hit") or store.counters().flush() or store.counters().read(),
        "Django's cache": store_in_django,
        "a limiter": lambda: is_allowed_by_redis(limits),
    }
    for use_it in uses.values():
        wait_until(works(use_it), timeout_seconds=5, what="all of it to work before")
    pool = store.client(store.server()).connection_pool
    taken = [connected(pool) for _ in range(THREADS)]
    for each in taken:
        pool.release(each)
    fail_over()
    began, failed = time.monotonic(), []
    for name, use_it in uses.items():
        while not (it_works := works(use_it)()) and time.monotonic() < began + RECOVERY_SECONDS:
            time.sleep(0.02)
        if not it_works:
            failed.append(name)

    assert failed == []
    assert client.get(PAGE).json()["price"] == "5.90"
    assert flush_views() == 1
