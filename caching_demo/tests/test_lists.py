"""A list reads rows in proportion to its page, not to the table."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.pages import PAGE_SIZE, load_list

FILL = """
    INSERT INTO catalogue_category (slug, name) VALUES ('common', 'Common'), ('rare', 'Rare');
    INSERT INTO catalogue_product (sku, name, description, price, currency, category_id)
    SELECT 'SKU-' || to_char(n, 'FM000000'), 'Mug ' || n, '', 5, 'EUR',
           (SELECT id FROM catalogue_category WHERE slug = CASE WHEN mod(n, 1000) = 0 THEN 'rare' ELSE 'common' END)
    FROM generate_series(1, 20000) n;
    ANALYZE catalogue_product, catalogue_category;
"""


def products_read(plan: dict[str, Any]) -> int:
    own = 0
    if plan.get("Relation Name") == "catalogue_product":
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return int(own) + sum(products_read(each) for each in plan.get("Plans", []))


@pytest.mark.parametrize("category", ["rare", "common"])
def test_a_list_of_a_category_reads_a_page_of_it(db: None, category: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL)
    with CaptureQueriesContext(connection) as queries:
        assert load_list(category, 1)["products"]
    read = 0
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
            [plan] = cursor.fetchone()
        [explained] = json.loads(plan) if isinstance(plan, str) else plan
        read += products_read(explained["Plan"])

    assert read <= PAGE_SIZE + 1
