import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lab.deep_page import nodes
from patterns.http.keyset import sort_order
from shop.models import Product

pytestmark = pytest.mark.django_db
PRODUCTS = "/api/v1/products/"


@pytest.fixture
def shelf() -> list[Product]:
    """Sixty products, three prices."""
    return Product.objects.bulk_create(Product(sku=f"SKU-{n:06d}", name="Mug", price=Decimal(n % 3) + Decimal("0.90")) for n in range(60))


def test_a_visitor_walks_the_list_by_its_links(client: Client, shelf: list[Product]) -> None:
    first = client.get(PRODUCTS).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()

    assert set(first) == {"next", "previous", "results"}
    assert (first["previous"], third["next"]) == (None, None)
    assert [each["sku"] for page in (first, second, third) for each in page["results"]] == [product.sku for product in shelf]
    assert client.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    ("ordering", "key"),
    [
        ("sku", lambda product: product.sku),
        ("price", lambda product: (product.price, product.pk)),
        ("-price", lambda product: (-product.price, -product.pk)),
    ],
)
def test_each_order_shows_each_product_once(client: Client, shelf: list[Product], ordering: str, key: Any) -> None:
    url, shown = f"{PRODUCTS}?ordering={ordering}&page_size=7", []
    while url:
        page = client.get(url).json()
        url, shown = page["next"], [*shown, *(each["sku"] for each in page["results"])]

    assert shown == [product.sku for product in sorted(shelf, key=key)]


@pytest.mark.parametrize("ordering", ["sku", "price", "-price"])
def test_each_order_has_an_index_and_reads_a_page_of_it(client: Client, ordering: str) -> None:
    Product.objects.bulk_create(Product(sku=f"SKU-{n:06d}", name="Mug", price=n % 3) for n in range(5000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE shop_product")
    row = Product.objects.order_by(ordering, "-pk" if ordering.startswith("-") else "pk")[4500]

    with CaptureQueriesContext(connection) as queries:
        client.get(f"{PRODUCTS}?ordering={ordering}&cursor={sort_order(Product, ordering).encode(row)}")
    [query] = [each["sql"] for each in queries if "shop_product" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}")
        [plan] = cursor.fetchone()
    [explained] = json.loads(plan) if isinstance(plan, str) else plan
    [scan] = [node for node in nodes(explained["Plan"]) if node.get("Relation Name") == "shop_product"]

    assert scan["Node Type"] == "Index Scan"
    assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) == 21


@pytest.mark.parametrize(("asked", "given"), [("", 20), ("page_size=5", 5), ("page_size=1000000000", 100)])
def test_a_page_holds_twenty_or_what_was_asked_and_at_most_a_hundred(client: Client, asked: str, given: int) -> None:
    Product.objects.bulk_create(Product(sku=f"SKU-{n:06d}", name="Mug", price=1) for n in range(120))

    assert len(client.get(f"{PRODUCTS}?{asked}").json()["results"]) == given


@pytest.mark.parametrize(
    "query",
    ["cursor=rubbish", "cursor=", "cursor=%00", "cursor=%ED%A0%80", "cursor=cD1hYmM%3D", "ordering=%00", "ordering=name", "ordering="],
)
def test_a_cursor_or_an_order_that_is_not_ours_is_refused(client: Client, shelf: list[Product], query: str) -> None:
    assert client.get(f"{PRODUCTS}?{query}").status_code == 400


@pytest.mark.parametrize("query", ["page_size=" + "9" * 5000, "%00=%00", "x=%ED%A0%80&page_size=5"])
def test_bytes_that_mean_nothing_do_no_harm(client: Client, shelf: list[Product], query: str) -> None:
    answer = client.get(f"{PRODUCTS}?{query}")

    assert answer.status_code == 200
    assert answer.json()["next"] is None or client.get(answer.json()["next"]).status_code == 200


def test_the_schema_says_what_the_list_takes_and_gives(client: Client) -> None:
    schema = client.get("/api/schema/", {"format": "json"}).json()
    listing = schema["paths"][PRODUCTS]["get"]
    parameters = {each["name"]: each["schema"] for each in listing["parameters"]}
    answer = listing["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]

    filters = {"search", "category", "min_price", "max_price", "in_stock"}
    assert set(parameters) == {"cursor", "page_size", "ordering", *filters}
    assert parameters["ordering"]["enum"] == ["sku", "price", "-price"]
    assert set(schema["components"]["schemas"][answer]["properties"]) == {"next", "previous", "results"}


def test_the_list_shows_itself_in_a_browser(client: Client, shelf: list[Product]) -> None:
    second = client.get(client.get(f"{PRODUCTS}?page_size=5").json()["next"], headers={"Accept": "text/html"})

    assert second.status_code == 200
    assert b"cursor=" in second.content
