"""What the catalogue does: it shows a product's page, read through Redis, which one request at a time loads."""

import functools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

from catalogue.models import Product
from catalogue.serializers import ProductPageSerializer
from patterns.single_flight import Answer, SingleFlight

logger = logging.getLogger(__name__)

FRESH_SECONDS = 60  # how long the shop may show yesterday's price
STALE_SECONDS = 600  # how long after that a page is kept, to be shown while another is loaded
LOCK_SECONDS = 5  # far above the slowest load: when it runs out, a second load begins beside the first
WAIT_SECONDS = 6  # above LOCK_SECONDS: who waits for a loader that died is there when the lock is free again


@dataclass(frozen=True)
class ProductPage:
    content: dict[str, Any]
    cache_status: str  # the header's value, RFC 9211


def load_page(sku: str) -> dict[str, Any]:
    """The page from the database, as JSON-ready values. Two queries. Raises Product.DoesNotExist."""
    return dict(ProductPageSerializer(Product.objects.select_related("category").get(sku=sku)).data)


def product_page(*, sku: str, load: Callable[[str], dict[str, Any]] = load_page, clock: Callable[[], float] = time.time) -> ProductPage:
    """The page from Redis, or loaded. Without Redis it is loaded each time. Raises Product.DoesNotExist, StillLoading."""
    if not settings.REDIS_URL:
        return ProductPage(load(sku), "catalogue; fwd=bypass; detail=no-redis-url")
    flight = SingleFlight(
        client=client(settings.REDIS_URL),
        fresh_seconds=FRESH_SECONDS,
        stale_seconds=STALE_SECONDS,
        lock_seconds=LOCK_SECONDS,
        wait_seconds=WAIT_SECONDS,
        clock=clock,
    )
    try:
        answer = flight.get(page_key(sku), functools.partial(load, sku))
    except redis.RedisError as error:
        logger.warning("Redis does not answer (%s): the page of %s comes from the database", type(error).__name__, sku)
        return ProductPage(load(sku), "catalogue; fwd=bypass; detail=redis-unreachable")
    return ProductPage(answer.value, f"catalogue; {cache_status(answer)}")


def page_key(sku: str) -> str:
    """v1 is the shape of the page: a release that changes it raises the number, and does not meet the old pages."""
    return f"{settings.CACHE_KEY_PREFIX}:page:v1:{sku}"


@functools.cache
def client(url: str) -> redis.Redis:
    """One pool of connections a process. Threads may share it."""
    return redis.Redis.from_url(url, **settings.REDIS_OPTIONS)


def cache_status(answer: Answer) -> str:
    """In the words of RFC 9211, section 2. A negative ttl is a stale page's."""
    match answer.outcome:
        case "hit" | "stale":
            return f"hit; ttl={math.floor(answer.ttl_seconds)}"
        case "collapsed":
            return "fwd=miss; collapsed"
        case "miss" | "refresh":
            return f"fwd={'miss' if answer.outcome == 'miss' else 'stale'}{'; stored' if answer.is_stored else ''}"
