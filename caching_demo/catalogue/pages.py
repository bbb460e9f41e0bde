"""Pages that are read through the cache. One request loads, a write invalidates all pages."""

import functools
import hashlib
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from catalogue import store
from catalogue.models import Category, Product, TrendingList, ViewCount
from catalogue.serializers import ProductPageSerializer, ProductSerializer
from patterns.caching.breaker import CircuitOpen
from patterns.caching.single_flight.entry import Answer

logger = logging.getLogger(__name__)

PAGE_SIZE = 24
TRENDING_COUNT = 10
TRENDING_FRESH_SECONDS = 10


class NoSuchPage(Exception):
    """The list ends before it. It is not stored."""


@dataclass(frozen=True)
class Page:
    content: dict[str, Any]
    cache_status: str  # the header's value, RFC 9211
    age_seconds: int = 0


def read_through(
    namespace: str,
    name: str,
    load: Callable[[], dict[str, Any]],
    *,
    fresh_seconds: float = store.FRESH_SECONDS,
) -> Page:
    """The page from the store, or loaded. Raises what `load` raises, and StillLoading."""
    if settings.CACHE == "off":
        return Page(load(), "catalogue; fwd=bypass; detail=off")
    if not store.generation().is_known():
        return Page(load(), "catalogue; fwd=bypass; detail=invalidation-pending")
    read = read_memcached if settings.CACHE == "memcached" else read_redis
    try:
        return read(namespace, name, load, fresh_seconds)
    except store.AWAY as error:
        if not isinstance(error, CircuitOpen):
            logger.warning("%s is unavailable (%s): loading pages from the database", settings.CACHE, type(error).__name__)
        return Page(load(), f"catalogue; fwd=bypass; detail={settings.CACHE}-unreachable")


def read_redis(namespace: str, name: str, load: Callable[[], dict[str, Any]], fresh_seconds: float) -> Page:
    """A hit is one round trip: the page and the generation by one MGET."""
    flight = store.flight(fresh_seconds=fresh_seconds, shared=(Product.DoesNotExist, NoSuchPage))
    version_key = store.generation().server_key
    with store.breaker():
        answer = flight.get(page_key(namespace, name), load, version_key=version_key)
    store.counters().count(namespace, answer.outcome)
    return Page(answer.value, f"catalogue; {cache_status(answer)}", math.floor(answer.age_seconds))


def read_memcached(namespace: str, name: str, load: Callable[[], dict[str, Any]], fresh_seconds: float) -> Page:
    """Two round trips, the generation in the key, and no protection against a stampede."""

    def stamped() -> dict[str, Any]:
        return {"loaded_at": time.time(), "content": load()}

    generation = store.generation().current()  # before the load; if Memcached hangs, this opens the circuit
    with store.breaker():
        found, is_hit = store.leases(keep_seconds=fresh_seconds).get(f"{page_key(namespace, name)}:{generation}", stamped)
    age_seconds = math.floor(time.time() - found["loaded_at"])
    status = f"hit; ttl={math.floor(fresh_seconds) - age_seconds}" if is_hit else "fwd=miss"
    return Page(found["content"], f"catalogue; {status}", age_seconds)


def product_page(*, sku: str) -> Page:
    """Raises Product.DoesNotExist, StillLoading."""
    return read_through("product", sku, functools.partial(load_product, sku))


def product_list(*, category: str = "", page: int = 1) -> Page:
    """One page of the products, of one category or of all. Raises StillLoading.

    Only pages that exist have a key: what a client makes up must not fill the store.
    """
    nothing = Page({"page": page, "has_next": False, "products": []}, "catalogue; fwd=bypass; detail=no-such-page")
    if category and category not in read_through("categories", "all", load_categories).content["slugs"]:
        return nothing
    try:
        return read_through("list", f"{category}:{page}", functools.partial(load_list, category, page))
    except NoSuchPage:
        return nothing


def trending_page() -> Page:
    """The most viewed products. Raises StillLoading."""
    return read_through("trending", "now", load_trending, fresh_seconds=TRENDING_FRESH_SECONDS)


def load_product(sku: str) -> dict[str, Any]:
    """The page from the database, as JSON-ready values. Two queries. Raises Product.DoesNotExist."""
    return dict(ProductPageSerializer(Product.objects.select_related("category").get(sku=sku)).data)


def load_list(category: str, page: int) -> dict[str, Any]:
    """One row more than is shown says whether there is a next page."""
    products = Product.objects.all()
    if category:  # its key first: behind a join PostgreSQL cannot know that a category is rare, and reads all products
        products = products.filter(category=Category.objects.filter(slug=category).first())
    first = (page - 1) * PAGE_SIZE
    found = list(products[first : first + PAGE_SIZE + 1])
    if not found and page > 1:
        raise NoSuchPage
    return {"page": page, "has_next": len(found) > PAGE_SIZE, "products": ProductSerializer(found[:PAGE_SIZE], many=True).data}


def load_categories() -> dict[str, Any]:
    return {"slugs": list(Category.objects.values_list("slug", flat=True))}


def load_trending() -> dict[str, Any]:
    skus = trending_skus()
    products = {product.sku: product for product in Product.objects.filter(sku__in=skus)}
    return {"products": ProductSerializer([products[sku] for sku in skus if sku in products], many=True).data}


def trending_skus() -> list[str]:
    """From Redis; without Redis from the last saved list; without that from all-time views."""
    if settings.CACHE == "redis":
        try:
            with store.counters_breaker():
                return [sku for sku, _ in store.trending().top(TRENDING_COUNT)]
        except store.AWAY:
            pass
    if saved := TrendingList.objects.filter(name="now").first():
        return list(saved.skus)
    return list(ViewCount.objects.values_list("product__sku", flat=True)[:TRENDING_COUNT])


def page_key(namespace: str, name: str) -> str:
    """v3 is the shape of the pages: a release that changes it raises the number.

    Memcached accepts keys of up to 250 bytes without blanks: a long name is hashed.
    """
    if len(name) > 64:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{settings.CACHE_KEY_PREFIX}:{namespace}:v3:{name}"


def cache_status(answer: Answer) -> str:
    """As RFC 9211, section 2, says it. A stale page has a negative ttl."""
    match answer.outcome:
        case "hit" | "stale":
            return f"hit; ttl={math.floor(answer.ttl_seconds)}"
        case "stale-if-error":  # RFC 5861: it could not be renewed
            return f"hit; ttl={math.floor(answer.ttl_seconds)}; detail=stale-if-error"
        case "collapsed":
            return "fwd=miss; collapsed"
        case outcome:  # miss, refresh
            return f"fwd={'stale' if outcome == 'refresh' else 'miss'}{'; stored' if answer.is_stored else ''}"
