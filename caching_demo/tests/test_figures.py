from typing import Any

import pytest
from django.test import Client

from catalogue import store
from catalogue.figures import Figures, figures
from catalogue.models import Product
from catalogue.pages import page_key, product_page
from lab import expire
from labkit import FaultProxy
from tests.conftest import use

PAGE = "/products/SKU-000001/"


def of(namespace: str) -> Figures:
    [found] = [each for each in figures() if each.namespace == namespace]
    return found


def test_what_was_read_is_counted_by_namespace(client: Client, mug: Product) -> None:
    for address in [PAGE] * 4 + ["/products/"] * 2:
        client.get(address)

    product, pages = of("product"), of("list")

    assert (product.reads, product.hits, product.loads, product.keys, product.hit_percent) == (4, 3, 1, 1, 75)
    assert (pages.reads, pages.hits, pages.loads) == (2, 1, 1)
    assert product.bytes > len(client.get(PAGE).content)


def test_a_stale_answer_is_counted_and_so_is_the_load_beside_it(mug: Product, settings: Any, monkeypatch: Any) -> None:
    def load_while_another_asks(sku: str) -> dict[str, Any]:
        product_page(sku=sku)
        return {"price": "5.90"}

    product_page(sku=mug.sku)
    expire(store.client(settings.REDIS_URL), page_key("product", mug.sku))
    monkeypatch.setattr("catalogue.pages.load_product", load_while_another_asks)
    product_page(sku=mug.sku)
    product = of("product")

    assert (product.reads, product.stale, product.loads) == (3, 1, 2)


def test_counts_are_sent_after_a_response(client: Client, mug: Product, monkeypatch: Any) -> None:
    monkeypatch.setattr(store.counters(), "every_seconds", 0)
    client.get(PAGE)

    assert store.counters().read()["product"].counts == {"miss": 1}


def test_a_product_that_is_not_there_is_no_load(client: Client, mug: Product) -> None:
    client.get("/products/SKU-999999/")

    assert [each for each in figures() if each.reads] == []


def test_the_page_shows_them_and_htmx_gets_the_table_alone(client: Client, mug: Product) -> None:
    client.get(PAGE)
    whole = client.get("/cache/").content.decode()
    table = client.get("/cache/", headers={"HX-Request": "true"}).content.decode()

    assert '<th scope="row">product</th>' in table
    assert table.strip() in whole
    assert whole.count("<script") == 1  # htmx, from our own address
    assert 'src="/static/django_htmx/' in whole
    assert "<html" not in table


def test_looking_all_the_time_costs_no_more_than_a_look_every_two_seconds(client: Client, mug: Product, monkeypatch: Any) -> None:
    looks: list[int] = []
    monkeypatch.setattr("catalogue.figures.held", lambda: looks.append(1) or {})
    monkeypatch.setattr("catalogue.figures.FRESH_SECONDS", 60)  # so that a slow machine sees the same
    for _ in range(20):
        client.get("/cache/")

    assert len(looks) == 1


@pytest.mark.parametrize("fault", ["refuse", "hang"])
@pytest.mark.parametrize("each_store", ["redis"], indirect=True)
def test_without_redis_the_page_says_so(client: Client, mug: Product, proxy: FaultProxy, fault: Any) -> None:
    proxy.set(fault)
    answer = client.get("/cache/")

    assert (answer.status_code, "Redis is unavailable" in answer.content.decode()) == (200, True)


def test_on_memcached_it_says_what_cannot_be_counted(client: Client, mug: Product, settings: Any) -> None:
    use(settings, "memcached", server=settings.MEMCACHED_URL)

    assert "these figures need Redis" in client.get("/cache/").content.decode()
