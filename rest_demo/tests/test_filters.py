"""A filtered list reads rows in proportion to its page, not to the table."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lab.deep_page import nodes

pytestmark = pytest.mark.django_db
PRODUCTS = "/api/v1/products/"
PAGE = 20
FILL = """
    INSERT INTO shop_category (slug, name) VALUES ('common', 'Common'), ('rare', 'Rare'), ('some', 'Some'), ('empty', 'Empty');
    INSERT INTO shop_product (sku, name, price, currency, stock, category_id)
    SELECT 'SKU-' || to_char(n, 'FM000000'), 'Mug ' || n, 5 + mod(n, 95), 'EUR', mod(n, 7),
           (SELECT id FROM shop_category WHERE slug = CASE WHEN mod(n, %(rows)s / 50) = 0 THEN 'rare'
                                                         WHEN mod(n, 100) = 1 THEN 'some' ELSE 'common' END)
    FROM generate_series(1, %(rows)s) n;
    ANALYZE shop_product, shop_category;
"""
CATEGORIES = ["category=rare", "category=rare&in_stock=true", "category=some", "category=common", "category=empty", "category=unknown"]
ORDERINGS = ["sku", "price", "-price"]


@pytest.fixture(params=[20_000, pytest.param(200_000, marks=pytest.mark.nightly)])
def many(request: pytest.FixtureRequest) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("the plan is PostgreSQL's: set DATABASE_URL")
    rows: int = request.param
    with connection.cursor() as cursor:
        cursor.execute(FILL % {"rows": rows})


def rows_read(client: Client, url: str) -> tuple[Any, int]:
    """The page, and how many products were read for it."""
    with CaptureQueriesContext(connection) as queries:
        page = client.get(url)
    assert page.status_code == 200
    read = 0
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
            [plan] = cursor.fetchone()
        [explained] = json.loads(plan) if isinstance(plan, str) else plan
        for node in nodes(explained["Plan"]):
            if node.get("Relation Name") == "shop_product":
                read += (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return page.json(), read


def test_a_list_of_a_category_reads_a_page_of_it(client: Client, many: None) -> None:
    read = {}
    for category in CATEGORIES:
        for ordering in ORDERINGS:
            url = f"{PRODUCTS}?{category}&ordering={ordering}"
            page, read[f"{category} {ordering}"] = rows_read(client, url)
            if page["next"]:
                _, read[f"{category} {ordering}, second page"] = rows_read(client, page["next"])

    # a few pages: PostgreSQL may read and sort the 50 rows of the rare category
    assert {name: rows for name, rows in read.items() if rows > 3 * PAGE} == {}
    assert len(read) == 30
