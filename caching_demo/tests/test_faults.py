"""What may happen to the servers, done to real ones: stopped, killed, full, and filled with what somebody else has put there."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import cache, caches
from django.test import Client

from catalogue import store
from catalogue.models import Product
from catalogue.pages import page_key, product_page
from lab import expire
from labkit import FaultProxy
from labkit.processes import free_port, kill, wait_until
from tests.conftest import own_server, use

PAGE = "/products/SKU-000001/"
SECRET = "k3y-" * 20 + "0123456789"


def ask(client: Client) -> tuple[int, str, float]:
    began = time.monotonic()
    answer = client.get(PAGE)
    return answer.status_code, answer["Cache-Status"], time.monotonic() - began


def is_hit(client: Client) -> bool:
    return ask(client)[1].startswith("catalogue; hit")


@pytest.mark.slow
@pytest.mark.native
@pytest.mark.parametrize("kind", ["redis", "memcached"])
def test_a_store_that_is_stopped_killed_and_started_again(client: Client, mug: Product, settings: Any, tmp_path: Path, kind: str) -> None:
    port = free_port()
    use(settings, kind, server=f"redis://127.0.0.1:{port}" if kind == "redis" else f"127.0.0.1:{port}")
    seen: list[tuple[int, str, float]] = []
    with own_server(kind, port, tmp_path) as process:
        before = ask(client), ask(client)
        os.kill(process.pid, signal.SIGSTOP)  # hangs: the kernel takes what we send, and nobody answers
        seen += [ask(client) for _ in range(3)]
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: is_hit(client), timeout_seconds=10, what="a hit after it was woken")
        kill(process)
        process.wait()
        seen += [ask(client) for _ in range(3)]
    with own_server(kind, port, tmp_path):
        wait_until(lambda: is_hit(client), timeout_seconds=10, what="a hit after it was started again")
        caches["default"].close()

    assert before[1][1].startswith("catalogue; hit")
    assert [(status, cache_status) for status, cache_status, _ in seen] == [(200, f"catalogue; fwd=bypass; detail={kind}-unreachable")] * 6
    assert max(seconds for *_, seconds in seen) < 4  # redis-py's own time-out is 5 s


@pytest.mark.parametrize("payload", [b"cbuiltins\nexit\n(I7\ntR.", b"\x80\x04.", b"[" * 50_000, b""])
def test_what_somebody_has_planted_is_a_miss_and_is_never_executed(client: Client, mug: Product, each_store: str, payload: bytes) -> None:
    key = page_key("product", mug.sku)
    if each_store == "redis":
        store.client(store.server()).set(key, payload)
    else:
        key = f"{key}:{store.generation().current()}"
        store.memcached(store.server()).set(key, payload, flags=1, noreply=False)

    assert client.get(PAGE)["Cache-Status"].startswith("catalogue; fwd=miss")
    assert is_hit(client)


def test_a_planted_generation_is_no_way_in(client: Client, mug: Product, each_store: str) -> None:
    name = caches["default"].make_key(store.generation().name)
    if each_store == "redis":
        store.client(store.server()).set(name, b"\x80\x04.")
    else:
        store.memcached(store.server()).set(name, b"\x80\x04.", flags=1, noreply=False)

    assert client.get(PAGE).status_code == 200


def test_who_finds_no_connection_free_waits_a_moment_and_does_without(client: Client, mug: Product, settings: Any) -> None:
    assert not is_hit(client)
    pool = store.client(settings.REDIS_URL).connection_pool
    taken = [pool.get_connection() for _ in range(store.MAX_CONNECTIONS)]
    without = ask(client)
    for each in taken:
        pool.release(each)
    wait_until(lambda: is_hit(client), timeout_seconds=10, what="a hit")
    pool.disconnect()

    assert without[:2] == (200, "catalogue; fwd=bypass; detail=redis-unreachable")
    assert without[2] < 4  # bounded: it gives up waiting


@pytest.mark.native
def test_a_redis_that_is_full_costs_the_cache_and_not_the_page(client: Client, mug: Product, settings: Any, tmp_path: Path) -> None:
    port = free_port()
    use(settings, "redis", server=f"redis://127.0.0.1:{port}")
    with own_server("redis", port, tmp_path):
        with redis.Redis(port=port) as admin:
            admin.config_set("maxmemory", 1)  # byte; with noeviction, its default, every write is answered OOM
        answers_ = [ask(client) for _ in range(3)]

    assert {(status, cache_status.partition("; ")[2][:3]) for status, cache_status, _ in answers_} == {(200, "fwd")}


def test_a_killed_loader_is_replaced_and_the_others_get_the_old_page(mug: Product, settings: Any, monkeypatch: Any) -> None:
    def die(sku: str) -> dict[str, Any]:
        raise KilledError  # what SIGKILL leaves: the lock, and nothing else

    def renewed() -> bool:
        return product_page(sku=mug.sku).content == {"price": "new"}

    monkeypatch.setattr(store, "LOCK_SECONDS", 1)
    monkeypatch.setattr("catalogue.pages.load_product", lambda sku: {"price": "old"})
    product_page(sku=mug.sku)
    expire(store.client(settings.REDIS_URL), page_key("product", mug.sku))
    monkeypatch.setattr("catalogue.pages.load_product", die)
    with monkeypatch.context() as patch, contextlib.suppress(KilledError):
        patch.setattr("patterns.caching.single_flight.SingleFlight._release", lambda *_: None)
        product_page(sku=mug.sku)
    meanwhile = product_page(sku=mug.sku)
    monkeypatch.setattr("catalogue.pages.load_product", lambda sku: {"price": "new"})
    wait_until(renewed, timeout_seconds=10, what="the next loader")

    assert (meanwhile.content, meanwhile.cache_status.startswith("catalogue; hit; ttl=-")) == ({"price": "old"}, True)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("fault", ["refuse", "hang"])
def test_djangos_own_cache_is_used_again_at_once_when_it_answers(proxy: FaultProxy, settings: Any, fault: Any) -> None:
    settings.CACHES = {**settings.CACHES, "default": {**settings.CACHES["default"], "OPTIONS": {"open_seconds": 0.0}}}
    cache.set("a", "here", 60)
    proxy.set(fault)
    away = [cache.get("a", "none") for _ in range(3)]
    proxy.set("pass")

    assert away == ["none"] * 3
    assert cache.get("a") == "here"  # no minute in which a client library has given it up
    cache.delete("a")
    cache.close()
