from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from catalogue.models import Product
from catalogue.services import change_price
from labkit import FaultProxy

PAGE = "/products/SKU-000001/"
JSON = "application/json"

Login = Callable[..., dict[str, str]]


def prices(client: Client) -> set[str]:
    """What every page says that shows the mug."""
    listed = [each for each in client.get("/products/").json()["products"] if each["sku"] == "SKU-000001"]
    exported = [each for each in client.get("/products.json").json() if each["sku"] == "SKU-000001"]
    neighbour = client.get("/products/SKU-000002/").json()["related"]
    return {each["price"] for each in (client.get(PAGE).json(), *listed, *exported, *neighbour)}


def test_when_a_price_is_changed_no_page_shows_the_old_one(client: Client, committed_mug: Product, login: Login, each_store: str) -> None:
    Product.objects.create(sku="SKU-000002", name="Teapot", price="6.90", category=committed_mug.category)
    before = prices(client)
    answer = client.patch(PAGE, {"price": "5.90"}, JSON, headers=login("staff", "staff"))

    assert before == {"4.90"}
    assert (answer.status_code, answer.json()["price"]) == (200, "5.90")
    assert prices(client) == {"5.90"}


def test_only_staff_changes_a_price(client: Client, mug: Product, login: Login) -> None:
    strangers = [{}, login("customer"), {"Authorization": "Basic AHg6eA=="}, {"Authorization": "Bearer rubbish"}]

    assert [client.patch(PAGE, {"price": "0.01"}, JSON, headers=each).status_code for each in strangers] == [401, 403, 401, 401]
    mug.refresh_from_db()
    assert mug.price == Decimal("4.90")


@pytest.mark.parametrize(
    "body", ["{}", '{"price": -1}', '{"price": "NaN"}', '{"price": 1e999}', '{"price": "0.001"}', "[]", "{", '"\\ud800"']
)
def test_what_is_not_a_price_is_refused(client: Client, mug: Product, login: Login, body: str) -> None:
    assert client.patch(PAGE, body, JSON, headers=login("staff", "staff")).status_code == 400


def test_a_price_of_what_is_no_product_is_not_found(client: Client, mug: Product, login: Login) -> None:
    assert client.patch("/products/SKU-999999/", {"price": "5.90"}, JSON, headers=login("staff", "staff")).status_code == 404


def test_a_price_that_was_decided_earlier_and_comes_late_changes_nothing(committed_mug: Product) -> None:
    now = timezone.now()
    change_price(sku=committed_mug.sku, price=Decimal("5.90"), priced_at=now)
    late = change_price(sku=committed_mug.sku, price=Decimal("3.90"), priced_at=now - timedelta(seconds=1))

    assert late.price == Decimal("5.90")


def test_a_write_that_is_rolled_back_forgets_nothing(client: Client, committed_mug: Product, each_store: str) -> None:
    client.get(PAGE)
    with transaction.atomic():
        change_price(sku=committed_mug.sku, price=Decimal("5.90"))
        transaction.set_rollback(True)

    assert client.get(PAGE)["Cache-Status"].startswith("catalogue; hit")


@pytest.mark.parametrize("fault", ["refuse", "hang"])
def test_a_price_is_changed_although_the_store_is_away(
    client: Client, committed_mug: Product, login: Login, proxy: FaultProxy, fault: Any
) -> None:
    proxy.set(fault)

    assert client.patch(PAGE, {"price": "5.90"}, JSON, headers=login("staff", "staff")).status_code == 200
    assert client.get(PAGE).json()["price"] == "5.90"


@pytest.mark.parametrize("query", ["page=0", "page=1001", "page=x", "page=1e9", "category=%00", "category=a/b", f"category={'a' * 51}"])
def test_what_is_no_page_of_the_list_is_refused(client: Client, db: None, query: str) -> None:
    assert client.get(f"/products/?{query}").status_code == 400


def test_the_list_has_pages_and_categories(client: Client, mug: Product) -> None:
    Product.objects.bulk_create([Product(sku=f"SKU-1{number:05d}", name="Cup", price=1, category=mug.category) for number in range(24)])

    first, second, none = (client.get(f"/products/?{query}").json() for query in ("category=kitchen", "page=2", "category=office"))

    assert (len(first["products"]), first["has_next"]) == (24, True)
    assert (len(second["products"]), second["has_next"]) == (1, False)
    assert none["products"] == []


def test_who_has_the_whole_catalogue_gets_no_body_until_it_changes(
    client: Client, committed_mug: Product, each_store: str, django_assert_num_queries: Any
) -> None:
    first = client.get("/products.json")
    with django_assert_num_queries(0):
        again = client.get("/products.json", headers={"If-None-Match": first["ETag"]})
    change_price(sku=committed_mug.sku, price=Decimal("5.90"))
    changed = client.get("/products.json", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert (changed.status_code, changed.json()[0]["price"]) == (200, "5.90")


def test_without_a_store_the_whole_catalogue_is_never_unchanged(client: Client, mug: Product, settings: Any) -> None:
    settings.CACHE = "off"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    first = client.get("/products.json")

    assert client.get("/products.json", headers={"If-None-Match": first["ETag"]}).status_code == 200
