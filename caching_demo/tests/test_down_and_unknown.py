"""Pages while the database is down, pages that do not exist, and views that Redis will not count."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue import store
from catalogue.models import Product, ViewCount
from catalogue.pages import page_key, product_page
from catalogue.services import flush_views
from lab import expire
from labkit import FaultProxy
from labkit.processes import wait_until
from tests.test_process import PAGE, database_url, service
from tests.test_refused_invalidation import full, readonly, roomy, writable

VIEWS = "/products/SKU-000001/views/"


@pytest.mark.slow
def test_an_expired_page_is_shown_while_the_database_is_down(committed_mug: Product, settings: Any, tmp_path: Path) -> None:
    settings.CACHE_KEY_PREFIX = "catalogue"  # the process has the settings' own
    url, redis = urlsplit(os.environ["DATABASE_URL"]), store.client(settings.REDIS_URL)
    keys = [page_key("product", committed_mug.sku), page_key("list", ":1")]
    redis.delete(*keys)
    with FaultProxy(url.hostname or "", url.port or 5432) as proxy:
        through = database_url(f"{proxy.host}:{proxy.port}")
        with service(tmp_path / "log", DATABASE_URL=through, CACHE="redis") as (client, _):
            before = [client.get(page) for page in (PAGE, "/products/")]
            for key in keys:
                expire(redis, key)
            proxy.set("refuse")
            down = [client.get(page) for page in (PAGE, "/products/") for _ in range(3)]
            unknown = client.get("/products/SKU-000002/")
            proxy.set("pass")
            wait_until(lambda: "stale-if" not in client.get(PAGE).headers["Cache-Status"], timeout_seconds=10, what="a new page")

    assert [each.status_code for each in down] == [200] * 6
    assert [each.content for each in down] == [before[0].content] * 3 + [before[1].content] * 3
    assert {each.headers["Cache-Status"].partition("; detail=")[2] for each in down} == {"stale-if-error"}
    assert all(int(each.headers["Age"]) >= 54 for each in down)
    assert (unknown.status_code, "Retry-After" in unknown.headers) == (503, True)


def test_a_crowd_that_asks_for_an_unknown_product_costs_one_query(mug: Product, monkeypatch: Any) -> None:
    def load(sku: str) -> Any:
        loads.append(sku)
        time.sleep(0.1)
        raise Product.DoesNotExist

    def ask(_: int) -> int:
        return Client().get("/products/SKU-999999/").status_code

    loads: list[str] = []
    monkeypatch.setattr("catalogue.pages.load_product", load)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))

    assert (set(answers), len(loads)) == ({404}, 1)


def test_a_product_that_is_created_after_a_miss_is_found_at_once(client: Client, committed_mug: Product) -> None:
    before = client.get("/products/SKU-000002/").status_code
    Product.objects.create(sku="SKU-000002", name="Lamp", price=1, category=committed_mug.category)

    assert (before, client.get("/products/SKU-000002/").status_code) == (404, 200)


def keys(settings: Any) -> set[str]:
    """Those of pages, but for the locks and marks that are gone within a second."""
    redis = store.client(settings.REDIS_URL)
    found = redis.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}*:v3:*", count=1000)
    return {key.decode() for key in found if redis.pttl(key) > 1000}  # type: ignore[operator]


def test_only_pages_that_exist_have_a_key(client: Client, mug: Product, settings: Any) -> None:
    for query in ("", "?category=kitchen"):
        client.get(f"/products/{query}")
    before = keys(settings)
    for number in range(100):
        for query in (f"category=unknown-{number}", f"category=kitchen&page={number + 2}", f"page={number + 2}"):
            answer = client.get(f"/products/?{query}")
            assert (answer.status_code, answer.json()["products"]) == (200, [])
        client.get(f"/products/SKU-9{number:05}/")

    assert keys(settings) == before


@pytest.mark.native
@pytest.mark.parametrize("refuse", [full, readonly])
def test_views_that_redis_will_not_count_are_counted_in_the_database(
    client: Client,
    committed_mug: Product,
    server: Any,
    refuse: Any,
) -> None:
    product_page(sku=committed_mug.sku)
    answers = [client.post(VIEWS).status_code for _ in range(5)]
    refuse(server)
    answers += [client.post(VIEWS).status_code for _ in range(50)]
    roomy(server)
    writable(server)
    flush_views()

    assert (set(answers), ViewCount.objects.get().count) == ({204}, 55)


@pytest.mark.native
def test_a_full_redis_gives_back_what_it_has_counted(client: Client, committed_mug: Product, server: Any) -> None:
    for _ in range(5):
        client.post(VIEWS)
    full(server)

    assert store.views().flush(ViewCount.objects.add) == 1
    assert ViewCount.objects.get().count == 5
