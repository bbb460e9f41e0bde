"""How fast the solutions are beside the alternatives. Everything is asked through the whole service: middleware, URLs, view, database."""

import contextlib
import functools
import io
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import ninja
import orjson
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.db.models import Avg, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from ninja.pagination import CursorPagination, paginate
from rest_framework import generics, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config import urls
from lab.bench_limits import LIMITS, limiters
from lab.bench_servers import CALLERS, GUNICORN, servers
from labkit.bench import Benchmark, Work
from patterns.http.keyset import sort_order
from shop.api.orders import OrderList
from shop.api.products import ProductList
from shop.models import Category, Product, Rating

STORED, PAGE_SIZE, DEEP_PAGE = 200_000, 20, 5000
PLAIN = "a plain view"
handler = WSGIHandler()


# --- the other ways to a list of twenty ---------------------------------------------------------------


LISTING = Product.objects.for_listing().order_by("sku")  # put together once, as DRF's views do


def plain_list(request: HttpRequest) -> HttpResponse:
    rows: Any = LISTING[:PAGE_SIZE]
    results = [
        {
            "sku": row.sku, "name": row.name, "category": row.category_slug, "price": str(row.price), "currency": row.currency,
            "rating": row.rating and f"{row.rating:.1f}", "in_stock": row.stock > 0,
        }
        for row in rows
    ]  # fmt: skip
    return HttpResponse(orjson.dumps({"next": None, "previous": None, "results": results}), content_type="application/json")


class StockSerializer(serializers.ModelSerializer[Product]):
    category = serializers.CharField(source="category.slug", default=None)
    rating = serializers.DecimalField(max_digits=2, decimal_places=1)

    class Meta:
        model = Product
        fields = ["sku", "name", "category", "price", "currency", "rating", "stock"]


class StockPages(PageNumberPagination):
    page_size = PAGE_SIZE


class StockList(generics.ListAPIView[Product]):
    """DRF's own parts over a sound query: model instances, a field tree, numbered pages and their COUNT."""

    permission_classes = [AllowAny]
    serializer_class = StockSerializer
    queryset = Product.objects.select_related("category").annotate(
        rating=Subquery(Rating.objects.filter(product=OuterRef("pk")).order_by().values("product").values_list(Avg("stars")))
    )
    pagination_class = StockPages


class NinjaProduct(ninja.Schema):
    sku: str
    name: str
    category: str | None = ninja.Field(None, alias="category_slug")
    price: str
    currency: str
    rating: float | None
    stock: int

    @staticmethod
    def resolve_price(row: Any) -> str:
        return str(row.price)


api = ninja.NinjaAPI(urls_namespace="bench", docs_url=None)


@api.get("/products/", response=list[NinjaProduct], by_alias=False)
@paginate(CursorPagination, ordering=["sku"], page_size=PAGE_SIZE)
def ninja_list(request: HttpRequest) -> Any:
    return LISTING.all()


# --- orders without the pattern -----------------------------------------------------------------------


class AsAda(BaseAuthentication):
    """One customer, whoever asks: the login is no part of the question."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        return get_user_model().objects.get(username="ada"), None


class KeyedOrders(OrderList):
    authentication_classes = [AsAda]


class UnkeyedOrders(KeyedOrders):
    def post(self, request: Request) -> Response:
        return self.place(request)


urlpatterns = [
    path("plain/", plain_list),
    path("fresh/", ProductList.as_view()),
    path("stock/", StockList.as_view(queryset=StockList.queryset.order_by("sku"))),
    path("by-price/", StockList.as_view(queryset=StockList.queryset.order_by("price"))),
    path("ninja/", api.urls),
    path("keyed/", KeyedOrders.as_view()),
    path("unkeyed/", UnkeyedOrders.as_view()),
    *urls.urlpatterns,
]


# --- asking -------------------------------------------------------------------------------------------


def ask(url: str, *, method: str = "GET", body: bytes = b"", **headers: str) -> bytes:
    """One request through the whole service, in this process. Raises RuntimeError for an error."""
    place, _, query = url.partition("?")
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": place, "QUERY_STRING": query, "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(), **headers,
    }  # fmt: skip
    answer: Any = handler(environ, lambda line, _: status.append(line))  # type: ignore[arg-type]
    content = b"".join(answer)
    answer.close()
    if status[0][:3] not in ("200", "201", "304"):
        raise RuntimeError(f"{url}: {status[0]} {content[:300].decode()}")
    return content


@contextlib.contextmanager
def stored_products() -> Iterator[None]:
    handler.load_middleware()
    if Product.objects.count() != STORED:
        fill()
    with override_settings(ROOT_URLCONF=__name__):
        yield


def fill() -> None:
    categories = [
        Category.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0].pk for slug in ("home", "kitchen", "travel")
    ]
    raters = [get_user_model().objects.get_or_create(username=name)[0].pk for name in ("ada", "ben", "cleo")]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO shop_product (sku, name, price, currency, stock, category_id)"
            " SELECT 'SKU-' || lpad(n::text, 6, '0'), 'Mug ' || n, 5.90 + n %% 95, 'EUR', 2000000000, (%s::bigint[])[1 + n %% 3]"
            " FROM generate_series(1, %s) AS n",
            [categories, STORED],
        )
        cursor.execute(
            "INSERT INTO shop_rating (product_id, customer_id, stars) SELECT id, unnest(%s), 1 + id %% 5 FROM shop_product",
            [raters],
        )
        cursor.execute("VACUUM ANALYZE")


@contextlib.contextmanager
def served_lists() -> Iterator[Mapping[str, Work | str]]:
    with stored_products(), servers() as ways:
        yield ways


# --- the benchmarks -----------------------------------------------------------------------------------


@contextlib.contextmanager
def lists() -> Iterator[Mapping[str, Work]]:
    with stored_products():
        yield {
            PLAIN: lambda: ask("/plain/"),
            "this list": lambda: ask("/fresh/"),
            "django-ninja": lambda: ask("/ninja/products/"),
            "DRF's ModelSerializer and numbered pages": lambda: ask("/stock/"),
        }


@contextlib.contextmanager
def deep_pages() -> Iterator[Mapping[str, Work]]:
    with stored_products():
        last_shown = Product.objects.order_by("price", "id")[(DEEP_PAGE - 1) * PAGE_SIZE - 1]
        cursor = sort_order(Product, "price").encode(last_shown)
        yield {
            "page 1": lambda: ask("/fresh/?ordering=price"),
            f"page {DEEP_PAGE}": lambda: ask(f"/fresh/?ordering=price&cursor={cursor}"),
            f"page {DEEP_PAGE} by OFFSET": lambda: ask(f"/by-price/?page={DEEP_PAGE}"),
        }


@contextlib.contextmanager
def orders() -> Iterator[Mapping[str, Work]]:
    body = json.dumps({"lines": [{"sku": "SKU-000001", "quantity": 1}, {"sku": "SKU-000002", "quantity": 2}]}).encode()
    keys = itertools.count()
    with stored_products(), override_settings(WRITES_PER_MINUTE=0):
        yield {
            "without a key": lambda: ask("/unkeyed/", method="POST", body=body),
            "with an Idempotency-Key": lambda: ask("/keyed/", method="POST", body=body, HTTP_IDEMPOTENCY_KEY=str(next(keys))),
        }


benchmarks = {
    "product_list": Benchmark(
        question=f"The list of {PAGE_SIZE} of {STORED:,} products, each with its category and average rating.",
        baseline=PLAIN,
        contenders=lists,
    ),
    "deep_page": Benchmark(
        question=f"Page {DEEP_PAGE:,} of {STORED:,} products by price, beside page 1.",
        baseline="page 1",
        contenders=deep_pages,
    ),
    "one_limit": Benchmark(
        question="A request counted against one limit in Redis.",
        baseline=LIMITS,
        contenders=functools.partial(limiters, "user"),
    ),
    "two_limits": Benchmark(
        question="A request counted against two limits in Redis.",
        baseline=LIMITS,
        contenders=functools.partial(limiters, "user", "address"),
    ),
    "servers": Benchmark(
        question=f"The list over HTTP, from {CALLERS} callers at once, under each server with 2 workers. Servers and callers run on "
        "processors of their own; PostgreSQL runs on either.",
        baseline=GUNICORN,
        contenders=served_lists,
        rounds=15,
        round_seconds=1.0,
    ),
    "idempotent_order": Benchmark(
        question="Placing an order of two lines, with the idempotency pattern and without it.",
        baseline="without a key",
        contenders=orders,
    ),
}
