"""The database is down, and cached pages fail too.

Sixty product pages were cached and have expired; the cache still has them. Then the database
refuses connections, and each page is requested once. Both sides handle real requests through
Django; a fault proxy stands in front of PostgreSQL. The naive side is `get_or_set`, which loses
a page when it expires.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, connection
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.test.client import ClientHandler
from django.urls import include, path

from catalogue import store
from catalogue.models import Category, Product
from catalogue.pages import load_product, page_key
from catalogue.store import FRESH_SECONDS
from lab import browser, expire, own_keys, patience
from labkit import Counts, Experiment, FaultProxy

PAGES = 60
SKUS = [f"LAB-STALE-{number:02}" for number in range(PAGES)]


def naive_view(request: HttpRequest, sku: str) -> JsonResponse:
    return JsonResponse(cache.get_or_set(f"{settings.CACHE_KEY_PREFIX}:{sku}", lambda: load_product(sku), FRESH_SECONDS))


urlpatterns = [path("naive/<slug:sku>/", naive_view), path("", include("catalogue.urls"))]


def naive() -> Counts:
    def pass_a_minute() -> None:
        cache.delete_many([f"{settings.CACHE_KEY_PREFIX}:{sku}" for sku in SKUS])  # as Redis does when they expire

    return visit_while_the_database_is_down("/naive/{}/", pass_a_minute)


def solved() -> Counts:
    def pass_a_minute() -> None:
        for sku in SKUS:
            expire(store.client(settings.REDIS_URL), page_key("product", sku), seconds=FRESH_SECONDS)

    return visit_while_the_database_is_down("/products/{}/", pass_a_minute)


def visit_while_the_database_is_down(address: str, pass_a_minute: Callable[[], None]) -> Counts:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.bulk_create([Product(sku=sku, name="Mug", price="4.90", category=category) for sku in SKUS], ignore_conflicts=True)
    with own_keys(), patience(), override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]), through_a_proxy() as proxy:
        handler = ClientHandler(enforce_csrf_checks=False)
        before = [ask(handler, address.format(sku)) for sku in SKUS]
        if {each.status_code for each in before} != {200}:
            raise RuntimeError("the pages do not even work with a database")
        pass_a_minute()
        proxy.set("refuse")
        logging.disable(logging.ERROR)  # two lines per page
        try:
            answers = [ask(handler, address.format(sku)) for sku in SKUS]
        finally:
            logging.disable(logging.NOTSET)
        proxy.set("pass")
        afterwards = [ask(handler, address.format(sku)) for sku in SKUS]
    return {
        "pages": PAGES,
        "server_errors": sum(each.status_code >= 500 for each in answers),
        "marked_as_stale": sum("stale-if-error" in each.headers.get("Cache-Status", "") for each in answers),
        "server_errors_afterwards": sum(each.status_code >= 500 for each in afterwards),
    }


def ask(handler: ClientHandler, address: str) -> Any:
    answer = browser(handler).get(address)
    close_old_connections()  # as after each request: Django's test client does not
    return answer


@contextlib.contextmanager
def through_a_proxy() -> Iterator[FaultProxy]:
    """This thread's connection to the database leads through a proxy."""
    place = connection.settings_dict
    before = {name: place[name] for name in ("HOST", "PORT")}
    with FaultProxy(before["HOST"], int(before["PORT"] or 5432)) as proxy:
        connection.close()
        place.update(HOST=proxy.host, PORT=str(proxy.port))
        try:
            yield proxy
        finally:
            connection.close()
            place.update(before)


experiment = Experiment(
    challenge="The database is down, and cached pages fail too",
    solution="single flight with stale_if: the expired page, marked as stale, when it cannot be renewed (RFC 5861)",
    load=f"{PAGES} cached pages that have expired, each requested once while the database refuses connections",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["server_errors"] == counts["pages"],
    holds=lambda counts: (
        counts["server_errors"] == counts["server_errors_afterwards"] == 0 and counts["marked_as_stale"] == counts["pages"]
    ),
    proof=("server_errors",),
    code="patterns/caching/single_flight",
)
