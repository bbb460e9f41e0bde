"""Page 5000 is slow, and items repeat.

A client reads all pages by price, while many products share a price, and while products
are added or deleted before its position. The naive list is DRF's PageNumberPagination
with order_by("price"), so OFFSET. Then the table is filled, and page 5000 is requested.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db import connection
from rest_framework import generics
from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory

from labkit import Counts, Experiment
from patterns.http.keyset import sort_order
from shop.api.products import ProductList
from shop.api.serializers import ProductSerializer
from shop.models import Product

WALKED, STORED = 2_000, 200_000
PRICES = 20  # so 100 products share each price in the walk, and 10,000 in the full table
PAGE_SIZE, DEEP_PAGE = 20, 5000
MOVED = 3  # products that are added or deleted between two pages
MOST_PAGES = 2 * WALKED // PAGE_SIZE  # a walk that never ends stops here

View = type[generics.ListAPIView[Product]]


class NumberedPages(PageNumberPagination):
    page_size = PAGE_SIZE


class NaiveProductList(generics.ListAPIView[Product]):
    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.for_listing().order_by("price")
    pagination_class = NumberedPages


class DrfCursor(CursorPagination):
    page_size = PAGE_SIZE
    ordering = ("price", "id")


class DrfCursorProductList(generics.ListAPIView[Product]):
    """For comparison: the library's own cursor. It compares the price, and uses OFFSET for ties."""

    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.for_listing()
    pagination_class = DrfCursor


def naive() -> Counts:
    counts = walk(NaiveProductList, "/?page=1") | {"rows_read_for_page_5000": deep(NaiveProductList, f"/?page={DEEP_PAGE}")}
    return counts | {f"drf_cursor_{name}": count for name, count in walk(DrfCursorProductList, "/").items()}


def solved() -> Counts:
    return walk(ProductList, "/?ordering=price") | {"rows_read_for_page_5000": deep(ProductList, "/?ordering=price")}


def walk(view: View, url: str | None) -> Counts:
    """Reads all pages. After each page, in turn, it adds cheap products or deletes some of those just shown."""
    fill(WALKED)
    stay, shown, pages = set(Product.objects.values_list("sku", flat=True)), Counter[str](), 0
    while url and pages < MOST_PAGES:
        answer = get(view, url)
        page, url, pages = [product["sku"] for product in answer["results"]], answer["next"], pages + 1
        shown.update(page)
        if pages % 2:
            Product.objects.bulk_create(Product(sku=f"NEW-{pages}-{each}", name="Mug", price="0.01") for each in range(MOVED))
        else:
            gone = page[-MOVED:]
            Product.objects.filter(sku__in=gone).delete()
            stay -= set(gone)
    empty()
    return {
        "pages_walked": pages,
        "repeated": sum(shown[sku] > 1 for sku in stay),
        "skipped": sum(shown[sku] == 0 for sku in stay),
    }


def deep(view: View, url: str) -> int:
    """Rows that PostgreSQL reads for page 5000 of the full table."""
    fill(STORED)
    if view is ProductList:  # the link that page 4,999 would have
        last_shown = Product.objects.order_by("price", "id")[(DEEP_PAGE - 1) * PAGE_SIZE - 1]
        url += f"&cursor={sort_order(Product, 'price').encode(last_shown)}"
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        page = get(view, url)["results"]
    if len(page) != PAGE_SIZE:
        raise RuntimeError(f"page {DEEP_PAGE} holds {len(page)} products")
    rows = sum(rows_read(sql, params) for sql, params in statements)
    empty()
    return rows


def rows_read(sql: str, params: Any) -> int:
    """Rows that the scans of the plan read, including those that a filter discarded."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # workers report a rounded average
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        [plan] = cursor.fetchone()
        cursor.execute("RESET max_parallel_workers_per_gather")
    [explained] = json.loads(plan) if isinstance(plan, str) else plan
    scans = [node for node in nodes(explained["Plan"]) if "Relation Name" in node]
    return sum((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"] for scan in scans)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def fill(number: int) -> None:
    empty()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO shop_product (sku, name, price, currency)"
            " SELECT 'SKU-' || lpad(n::text, 6, '0'), 'Mug', 5.90 + n %% %s, 'EUR' FROM generate_series(1, %s) AS n",
            [PRICES, number],
        )
        cursor.execute("VACUUM ANALYZE shop_product")  # as autovacuum does sooner or later


def empty() -> None:
    """Empties the table for the next experiment. The lab has a database of its own."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE shop_product RESTART IDENTITY CASCADE")


def get(view: View, url: str) -> dict[str, Any]:
    answer = view.as_view()(APIRequestFactory().get(url, headers={"Host": "localhost"}))
    if answer.status_code == 404:  # a numbered page may no longer exist: the client is at the end
        return {"results": [], "next": None}
    if answer.status_code != 200:
        raise RuntimeError(f"{url}: {answer.status_code}, {answer.data}")
    return dict(answer.data)


experiment = Experiment(
    challenge="Page 5000 is slow, and items repeat",
    solution="keyset pagination: the cursor holds price and primary key of the last row, and the next page starts after them",
    load=(
        f"all pages of {WALKED:,} products by price, {WALKED // PRICES} per price, while {MOVED} products are added or deleted "
        f"after each page; then page {DEEP_PAGE:,} of {STORED:,} products"
    ),
    naive=naive,
    solved=solved,
    breaks=lambda counts: (
        min(counts["repeated"], counts["skipped"]) > 0 and counts["rows_read_for_page_5000"] >= (DEEP_PAGE - 1) * PAGE_SIZE
    ),
    holds=lambda counts: (counts["repeated"], counts["skipped"], counts["rows_read_for_page_5000"]) == (0, 0, PAGE_SIZE + 1),
    proof=("rows_read_for_page_5000", "repeated", "skipped"),
    code="patterns/http/keyset",
)
