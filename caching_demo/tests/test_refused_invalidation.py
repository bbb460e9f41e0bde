"""Redis answers, and refuses writes: full, or a replica. Each test has a real server of its own."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.core.cache import cache, caches
from django.db import transaction
from django.test import Client

from catalogue import store
from catalogue.models import Product, UnsentBump
from catalogue.services import change_price
from labkit import FaultProxy
from labkit.processes import wait_until
from patterns.caching.generations.unsent import unsent
from tests.conftest import use

PAGE = "/products/SKU-000001/"
JSON = "application/json"
NOWHERE = ("127.0.0.1", 1)  # a master that does not answer: the replica keeps what it has

pytestmark = pytest.mark.native
Login = Callable[..., dict[str, str]]


@pytest.fixture
def patch(client: Client, login: Login) -> Callable[[str], Any]:
    return lambda price: client.patch(PAGE, {"price": price}, JSON, headers=login("staff", "staff"))


def full(admin: redis.Redis) -> None:
    admin.config_set("maxmemory", 1)  # byte; with noeviction, the default


def roomy(admin: redis.Redis) -> None:
    admin.config_set("maxmemory", 0)


def readonly(admin: redis.Redis) -> None:
    admin.replicaof(*NOWHERE)


def writable(admin: redis.Redis) -> None:
    admin.replicaof("NO", "ONE")


def shown(client: Client) -> set[str]:
    """The price on each page that shows the product."""
    listed = client.get("/products/").json()["products"]
    return {each["price"] for each in (client.get(PAGE).json(), *listed, *client.get("/products.json").json())}


def is_hit(client: Client) -> bool:
    return bool(client.get(PAGE)["Cache-Status"].startswith("catalogue; hit"))


def test_a_full_redis_shows_no_old_price_after_a_confirmed_write(client: Client, committed_mug: Product, server: Any, patch: Any) -> None:
    before = shown(client)
    full(server)
    answer = patch("5.90")
    after = shown(client)
    roomy(server)

    assert (before, answer.status_code, after) == ({"4.90"}, 200, {"5.90"})
    wait_until(lambda: is_hit(client), timeout_seconds=2, what="a hit")
    assert shown(client) == {"5.90"}


def test_a_readonly_redis_refuses_the_write_and_changes_nothing(
    client: Client, committed_mug: Product, server: Any, patch: Any, caplog: Any
) -> None:
    before = shown(client)
    readonly(server)
    answer = patch("5.90")
    after = shown(client)
    writable(server)
    again = patch("6.90")

    assert (before, after) == ({"4.90"}, {"4.90"})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "cache_refuses_writes", "1")
    assert "ReadOnlyError" in caplog.text
    assert (again.status_code, shown(client)) == (200, {"6.90"})


@pytest.mark.parametrize("refuse", [full, readonly])
def test_a_redis_that_refuses_between_commit_and_invalidation_is_bypassed(
    client: Client, committed_mug: Product, server: Any, refuse: Any, caplog: Any
) -> None:
    shown(client)
    with transaction.atomic():
        transaction.on_commit(lambda: refuse(server))
        change_price(sku=committed_mug.sku, price="5.90")  # type: ignore[arg-type]
    after = shown(client)
    roomy(server)
    writable(server)

    assert after == {"5.90"}
    wait_until(lambda: is_hit(client), timeout_seconds=2, what="a hit")
    assert shown(client) == {"5.90"}


def test_a_write_while_redis_hangs_is_seen_as_soon_as_it_answers(client: Client, committed_mug: Product, server: Any, patch: Any) -> None:
    shown(client)
    os.kill(server.pid, signal.SIGSTOP)
    answer = patch("5.90")
    os.kill(server.pid, signal.SIGCONT)

    assert (answer.status_code, shown(client)) == (200, {"5.90"})
    wait_until(lambda: is_hit(client), timeout_seconds=3, what="a hit")
    assert shown(client) == {"5.90"}


@pytest.mark.parametrize("fault", ["hang", "cut"])
def test_a_change_made_while_redis_was_cut_off_is_seen_when_it_is_back(
    client: Client, committed_mug: Product, server: Any, patch: Any, settings: Any, fault: Any
) -> None:
    """Its pages are all still there, and the invalidation did not arrive."""
    shown(client)
    port = server.connection_pool.connection_kwargs["port"]
    with FaultProxy("127.0.0.1", port) as proxy:
        use(settings, "redis", server=f"redis://127.0.0.1:{proxy.port}")
        proxy.set("hang" if fault == "hang" else "refuse")
        answer = patch("5.90")
        proxy.set("pass")
        after = shown(client)
        wait_until(lambda: is_hit(client), timeout_seconds=3, what="a hit")

        assert (answer.status_code, after, shown(client)) == (200, {"5.90"}, {"5.90"})
        caches.close_all()


def test_what_a_process_could_not_invalidate_another_one_does(client: Client, committed_mug: Product, server: Any, settings: Any) -> None:
    shown(client)
    use(settings, "redis", server="redis://127.0.0.1:1")
    change_price(sku=committed_mug.sku, price="5.90")  # type: ignore[arg-type]
    use(settings, "redis", server=f"redis://127.0.0.1:{server.connection_pool.connection_kwargs['port']}")
    unsent.forget()  # the process was killed
    waiting = UnsentBump.objects.count()
    store.repair()

    assert (waiting, UnsentBump.objects.count(), shown(client)) == (1, 0, {"5.90"})


RECENT, VIEWS = "/me/recent/", "/products/SKU-000001/views/"


@pytest.mark.parametrize("refuse", [full, readonly])
def test_a_view_that_is_confirmed_is_among_the_recent_ones(
    client: Client, committed_mug: Product, server: Any, login: Login, refuse: Any
) -> None:
    def recent() -> list[str]:
        return [each["sku"] for each in client.get(RECENT, headers=headers).json()]

    headers = login("customer")
    before = recent(), recent()
    refuse(server)
    answer = client.post(VIEWS, headers=headers)
    during = recent()
    roomy(server)
    writable(server)

    assert (before, answer.status_code, during, recent()) == (([], []), 204, ["SKU-000001"], ["SKU-000001"])


def test_djangos_cache_forgets_a_value_that_a_full_redis_will_not_replace(server: Any) -> None:
    cache.set_many({"a": "old", "b": "old", "c": "old"})
    full(server)
    cache.set("a", "new")
    refused = cache.set_many({"b": "new"})

    assert (cache.get("a"), cache.get("b"), cache.get("c"), refused) == (None, None, "old", ["b"])
