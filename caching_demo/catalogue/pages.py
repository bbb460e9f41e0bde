"""What is read through the cache. One request at a time loads; a write forgets; without a store each request loads."""

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
from catalogue.models import Product, TrendingList, ViewCount
from catalogue.serializers import ProductPageSerializer, ProductSerializer
from patterns.caching.breaker import CircuitOpen
from patterns.caching.single_flight import Answer

logger = logging.getLogger(__name__)

PAGE_SIZE = 24
TRENDING_COUNT = 10
TRENDING_FRESH_SECONDS = 10


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
    clock: Callable[[], float] = time.time,
) -> Page:
    """The page from the store, or loaded. Raises what `load` raises, and StillLoading."""
    if settings.CACHE == "off":
        return Page(load(), "catalogue; fwd=bypass; detail=off")
    generation = store.generation().current()  # before the load: who is overtaken by a write stores where nobody looks
    try:
        with store.breaker():
            answer = store.flight(fresh_seconds=fresh_seconds, clock=clock).get(page_key(namespace, generation, name), load)
    except store.AWAY as error:
        if not isinstance(error, CircuitOpen):
            logger.warning("%s does not answer (%s): pages come from the database", settings.CACHE, type(error).__name__)
        return Page(load(), f"catalogue; fwd=bypass; detail={settings.CACHE}-unreachable")
    if settings.CACHE == "redis":
        store.counters().count(namespace, answer.outcome)
    return Page(answer.value, f"catalogue; {cache_status(answer)}", math.floor(answer.age_seconds))


def product_page(*, sku: str, load: Callable[[str], dict[str, Any]] | None = None, clock: Callable[[], float] = time.time) -> Page:
    """Raises Product.DoesNotExist, StillLoading."""
    return read_through("product", sku, functools.partial(load or load_product, sku), clock=clock)


def product_list(*, category: str = "", page: int = 1) -> Page:
    """One page of the products, of one category or of all. Raises StillLoading."""
    return read_through("list", f"{category}:{page}", functools.partial(load_list, category, page))


def trending_page() -> Page:
    """What was looked at most, and of late. Raises StillLoading."""
    return read_through("trending", "now", load_trending, fresh_seconds=TRENDING_FRESH_SECONDS)


def load_product(sku: str) -> dict[str, Any]:
    """The page from the database, as JSON-ready values. Two queries. Raises Product.DoesNotExist."""
    return dict(ProductPageSerializer(Product.objects.select_related("category").get(sku=sku)).data)


def load_list(category: str, page: int) -> dict[str, Any]:
    """One query: one row more than is shown says whether there is a next page."""
    products = Product.objects.filter(category__slug=category) if category else Product.objects.all()
    first = (page - 1) * PAGE_SIZE
    found = list(products[first : first + PAGE_SIZE + 1])
    return {"page": page, "has_next": len(found) > PAGE_SIZE, "products": ProductSerializer(found[:PAGE_SIZE], many=True).data}


def load_trending() -> dict[str, Any]:
    skus = trending_skus()
    products = {product.sku: product for product in Product.objects.filter(sku__in=skus)}
    return {"products": ProductSerializer([products[sku] for sku in skus if sku in products], many=True).data}


def trending_skus() -> list[str]:
    """From Redis; from the list that was last saved when it is away; from all-time views when there never was one."""
    if settings.CACHE == "redis":
        try:
            with store.breaker():
                return [sku for sku, _ in store.trending().top(TRENDING_COUNT)]
        except store.AWAY:
            pass
    if saved := TrendingList.objects.filter(name="now").first():
        return list(saved.skus)
    return list(ViewCount.objects.values_list("product__sku", flat=True)[:TRENDING_COUNT])


def page_key(namespace: str, generation: str, name: str) -> str:
    """v2 is the shape of the pages: a release that changes it raises the number, and does not meet the old ones.

    Memcached takes no key above 250 bytes, and no blanks in it: a long name is hashed.
    """
    if len(name) > 64:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{settings.CACHE_KEY_PREFIX}:{namespace}:v2:{generation}:{name}"


def cache_status(answer: Answer) -> str:
    """In the words of RFC 9211, section 2. A negative ttl is a stale page's."""
    match answer.outcome:
        case "hit" | "stale":
            return f"hit; ttl={math.floor(answer.ttl_seconds)}"
        case "collapsed":
            return "fwd=miss; collapsed"
        case "miss" | "refresh":
            return f"fwd={'miss' if answer.outcome == 'miss' else 'stale'}{'; stored' if answer.is_stored else ''}"
