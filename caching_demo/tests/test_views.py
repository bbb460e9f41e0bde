import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from catalogue import store
from catalogue.models import Category, Product, RecentView, TrendingList, ViewCount
from catalogue.services import RECENT_COUNT, flush_views, remember_view, save_trending, trending_lock
from labkit import FaultProxy
from labkit.processes import running, wait_until
from patterns.caching.write_behind.buffer import Buffer
from tests.conftest import use

VIEWS = "/products/SKU-000001/views/"

Login = Callable[..., dict[str, str]]


def counted() -> dict[str, int]:
    return dict(ViewCount.objects.values_list("product__sku", "count"))


@pytest.fixture
def lamp(kitchen: Category) -> Product:
    return Product.objects.create(sku="SKU-000003", name="Lamp", price="7.90", category=kitchen)


def test_views_reach_the_database_in_one_batch_however_many_they_are(
    client: Client, mug: Product, lamp: Product, django_assert_max_num_queries: Any
) -> None:
    for sku in [mug.sku] * 20 + [lamp.sku] * 3:
        assert client.post(f"/products/{sku}/views/").status_code == 204
    with django_assert_max_num_queries(16):
        flush_views()
    flush_views()

    assert counted() == {mug.sku: 20, lamp.sku: 3}


def test_a_view_of_what_is_no_product_is_not_found_and_not_counted(client: Client, mug: Product) -> None:
    assert client.post("/products/SKU-999999/views/").status_code == 404
    store.views().add("SKU-999998")  # a product that was deleted since
    flush_views()

    assert counted() == {}


def test_a_view_does_not_forget_the_page(client: Client, mug: Product) -> None:
    client.get("/products/SKU-000001/")
    client.post(VIEWS)
    flush_views()

    assert client.get("/products/SKU-000001/")["Cache-Status"].startswith("catalogue; hit")


def test_without_redis_views_are_written_one_by_one(client: Client, mug: Product, settings: Any) -> None:
    for kind in ("off", "memcached"):
        if kind == "memcached":
            use(settings, kind, server=settings.MEMCACHED_URL)
        settings.CACHE = kind
        client.post(VIEWS)

    assert counted() == {mug.sku: 2}


@pytest.mark.parametrize("fault", ["refuse", "hang"])
@pytest.mark.parametrize("each_store", ["redis"], indirect=True)
def test_while_redis_is_away_views_go_on(client: Client, mug: Product, proxy: FaultProxy, fault: Any) -> None:
    proxy.set(fault)
    answers = [client.post(VIEWS).status_code for _ in range(3)]

    assert answers == [204] * 3
    assert counted() == {mug.sku: 3}  # the page found out that Redis is away, so it is sure that nothing was counted there


@pytest.mark.parametrize("each_store", ["redis"], indirect=True)
def test_a_view_whose_reply_is_lost_is_counted_once(client: Client, mug: Product, proxy: FaultProxy, settings: Any) -> None:
    from catalogue.services import record_view

    record_view(sku=mug.sku)
    proxy.set("drop_reply")
    record_view(sku=mug.sku)  # its first command is counted, and not answered
    proxy.set("pass")
    store.breaker().open_seconds = 0
    buffered = dict(store.client(settings.REDIS_URL).hgetall(f"{{{settings.CACHE_KEY_PREFIX}:views}}"))  # type: ignore[arg-type]

    assert (buffered, counted()) == ({mug.sku.encode(): b"2"}, {})


def test_what_is_looked_at_most_is_trending(client: Client, mug: Product, lamp: Product) -> None:
    for sku in (mug.sku, lamp.sku, lamp.sku):
        client.post(f"/products/{sku}/views/")
    first = client.get("/trending/")

    assert [each["sku"] for each in first.json()["products"]] == [lamp.sku, mug.sku]
    assert client.get("/trending/")["Cache-Status"].startswith("catalogue; hit")


@pytest.mark.parametrize("each_store", ["redis"], indirect=True)
def test_while_redis_is_away_the_list_that_was_saved_is_trending(client: Client, mug: Product, lamp: Product, proxy: FaultProxy) -> None:
    ViewCount.objects.create(product=lamp, count=1000)
    without_any = [each["sku"] for each in load_without_redis(client, proxy)]
    client.post(VIEWS)
    save_trending()

    assert without_any == [lamp.sku]
    assert [each["sku"] for each in load_without_redis(client, proxy)] == [mug.sku]


def load_without_redis(client: Client, proxy: FaultProxy) -> Any:
    proxy.set("refuse")
    found = client.get("/trending/").json()["products"]
    proxy.set("pass")
    store.breaker.__globals__["breaker_of"].cache_clear()
    return found


def test_a_process_without_the_lock_does_not_save_the_list(mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    with trending_lock(10).hold():
        assert not save_trending()
    monkeypatch.setattr("catalogue.services.trending_now", overtaken)
    assert not save_trending()
    assert TrendingList.objects.get().skus == ["theirs"]


def overtaken() -> list[str]:
    TrendingList.objects.update(fence=2**62, skus=["theirs"])  # another, with a higher token
    return ["ours"]


def test_each_sees_what_he_has_looked_at_himself(client: Client, committed_mug: Product, login: Login, each_store: str) -> None:
    alice, bob = login("alice"), login("bob")
    before = client.get("/me/recent/", headers=alice).json()
    client.post(VIEWS, headers=alice)
    after = [client.get("/me/recent/", headers=alice) for _ in range(2)]
    others = client.get("/me/recent/", headers=bob)

    assert before == []
    assert [[each["sku"] for each in answer.json()] for answer in after] == [[committed_mug.sku]] * 2
    assert [answer["Cache-Status"] for answer in after] == ["catalogue; fwd=miss", "catalogue; hit"]
    assert others.json() == []
    assert {answer["Cache-Control"] for answer in (*after, others)} == {"private, no-store"}
    assert client.get("/me/recent/").status_code == 401


def test_what_one_has_looked_at_has_todays_price(client: Client, committed_mug: Product, login: Login) -> None:
    alice = login("alice")
    client.post(VIEWS, headers=alice)
    client.get("/me/recent/", headers=alice)
    Product.objects.update(price="5.90")

    assert client.get("/me/recent/", headers=alice).json()[0]["price"] == "5.90"


def test_only_the_last_are_remembered(mug: Product, kitchen: Category) -> None:
    for number in range(RECENT_COUNT + 2):
        product = Product.objects.create(sku=f"SKU-1{number:05d}", name="Cup", price=1, category=kitchen)
        remember_view(sku=product.sku, user="alice")

    assert RecentView.objects.count() == RECENT_COUNT
    assert RecentView.objects.latest("viewed_at").product == product


@pytest.mark.parametrize("fault", ["refuse", "hang"])
def test_without_the_store_he_still_sees_it(
    client: Client, committed_mug: Product, login: Login, proxy: FaultProxy, each_store: str, fault: Any
) -> None:
    alice = login("alice")
    proxy.set(fault)
    answers = [client.post(VIEWS, headers=alice).status_code, client.get("/me/recent/", headers=alice).json()[0]["sku"]]

    assert answers == [204, committed_mug.sku]


@pytest.mark.parametrize("address", ["/products/", "/products/SKU-1/", "/trending/", "/me/recent/", "/products.json", "/live", "/nowhere"])
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_every_answer_says_what_the_cache_did_and_how_old_it_is(client: Client, mug: Product, address: str, method: str) -> None:
    answer = getattr(client, method)(address)

    assert answer["Cache-Status"].startswith("catalogue; ")
    assert int(answer["Age"]) >= 0


def test_a_page_that_has_not_changed_says_it_too(client: Client, mug: Product) -> None:
    first = client.get("/products/SKU-000001/")
    again = client.get("/products/SKU-000001/", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again["Cache-Status"].startswith("catalogue; hit; ttl=")
    assert int(again["Age"]) >= 0


@pytest.mark.slow
def test_the_process_flushes_without_a_broker_until_it_is_told_to_stop(committed_mug: Product, tmp_path: Any, settings: Any) -> None:
    alive = tmp_path / "alive"
    views = Buffer(store.client(settings.REDIS_URL), "catalogue:views")  # the process has the settings' own prefix
    views.client.delete("{catalogue:views}", "{catalogue:views}:batch")
    views.add(committed_mug.sku, 3)
    database = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    argv = ["python", "manage.py", "catch_up"]
    with running(argv, DATABASE_URL=database, ALIVE_FILE=str(alive), RABBITMQ_URL="", DEBUG="1") as process:
        wait_until(lambda: counted() == {committed_mug.sku: 3}, timeout_seconds=30, what="the views")
        wait_until(alive.exists, timeout_seconds=10, what="the file that says that it lives")
        views.add(committed_mug.sku)
        process.terminate()
        assert process.wait(timeout=10) == 0

    assert counted() == {committed_mug.sku: 4}
