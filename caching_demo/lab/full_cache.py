"""Redis is full: it refuses the invalidation and serves old prices.

A product's page is in the cache, and Redis becomes full: with `noeviction` it refuses every write
and still answers every read. Then the price changes several times. The naive side does what most
code does: it stores the new page after the commit, and treats a cache error as a miss. Both sides
fill the real server of the pages for a moment, by its `maxmemory`.
"""

import contextlib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import transaction

from catalogue import store
from catalogue.models import Category, Product
from catalogue.pages import load_product, product_page
from catalogue.services import change_price
from lab import own_keys, patience
from labkit import Counts, Experiment

SKU = "LAB-FULL"
WRITES = 20
READS = 3  # after each write
KEEP_SECONDS = 3600


def naive() -> Counts:
    return change_prices_while_full(read_naive, write_naive)


def solved() -> Counts:
    return change_prices_while_full(read_solved, lambda price: change_price(sku=SKU, price=price))


def read_naive() -> tuple[str, bool]:
    """The price on the page, and whether it came from the cache."""
    if (found := plain_cache().get(name())) is not None:
        return str(found["price"]), True
    page = load_product(SKU)
    remember(page)
    return str(page["price"]), False


@transaction.atomic
def write_naive(price: Decimal) -> None:
    product = Product.objects.select_for_update().get(sku=SKU)
    product.price = price
    product.save()
    transaction.on_commit(lambda: remember(load_product(SKU)))


def remember(page: dict[str, Any]) -> None:
    """Errors are suppressed: "the cache is not worth a failed request"."""
    with contextlib.suppress(redis.RedisError):
        plain_cache().set(name(), page, KEEP_SECONDS)


def plain_cache() -> RedisCache:
    return RedisCache(settings.REDIS_URL, {})  # as CACHES would make it, with nothing but a LOCATION


def name() -> str:
    return f"{settings.CACHE_KEY_PREFIX}:naive:{SKU}"


def read_solved() -> tuple[str, bool]:
    page = product_page(sku=SKU)
    return str(page.content["price"]), page.cache_status.startswith("catalogue; hit")


def change_prices_while_full(read: Callable[[], tuple[str, bool]], write: Callable[[Decimal], object]) -> Counts:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.update_or_create(sku=SKU, defaults={"name": "Mug", "price": "4.90", "category": category, "priced_at": None})
    confirmed = stale_hits = reads = 0
    with own_keys(), patience():
        read()
        if not read()[1]:
            raise RuntimeError("the page is not even cached while there is room")
        with full(store.client(settings.REDIS_URL)):
            for number in range(1, WRITES + 1):
                price = Decimal(number)
                write(price)
                confirmed += 1
                for _ in range(READS):
                    shown, is_hit = read()
                    reads += 1
                    stale_hits += is_hit and Decimal(shown) != price
        stale_afterwards = sum(Decimal(read()[0]) != WRITES for _ in range(READS))
        hits_afterwards = sum(read()[1] for _ in range(READS))
    return {
        "confirmed_writes": confirmed,
        "reads": reads,
        "stale_hits": stale_hits,
        "stale_afterwards": stale_afterwards,
        "hits_afterwards": hits_afterwards,
    }


@contextlib.contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """No room for a single byte, and nothing may be evicted."""
    found: Any = client.config_get("maxmemory*")
    before = {setting: found[setting] for setting in ("maxmemory", "maxmemory-policy")}
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    try:
        yield
    finally:
        for setting, value in before.items():
            client.config_set(setting, value)


experiment = Experiment(
    challenge="Redis is full: it refuses the invalidation and serves old prices",
    solution="an invalidation that is refused is a failure: delete, refuse the write, or bypass the cache until it arrives",
    load=f"a full Redis (noeviction), {WRITES} confirmed changes of a price, {READS} reads after each",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["stale_hits"] == counts["reads"],
    holds=lambda counts: counts["stale_hits"] == counts["stale_afterwards"] == 0 and counts["hits_afterwards"] > 0,
    proof=("stale_hits",),
    code="patterns/caching/generations",
)
