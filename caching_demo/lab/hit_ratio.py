"""Redis INFO shows a high hit ratio, but pages are slow.

A trace of reads of product pages, a few of them popular. Each read also reads ten session
keys in one command. The naive side asks INFO; the solved side counts per namespace. The
true ratio is computed from the trace.
"""

import random

import redis
from django.conf import settings
from django.core.cache import cache

from catalogue import store
from catalogue.models import Category, Product
from catalogue.pages import product_page
from lab import own_keys, patience
from labkit import Counts, Experiment

READS = 300
PRODUCTS = 200
SESSION_KEYS = 10
SEED = 7


def trace() -> list[str]:
    """SKUs as visitors ask for them: a few often, most of them once."""
    chance = random.Random(SEED)
    return [f"LAB-{min(int(chance.paretovariate(0.35)), PRODUCTS):04d}" for _ in range(READS)]


def true_percent() -> int:
    return round(100 * (READS - len(set(trace()))) / READS)


def naive() -> Counts:
    with patience(), own_keys():
        client = store.client(settings.REDIS_URL)
        before = keyspace(client)
        replay()
        after = keyspace(client)
    hits, misses = (new - old for new, old in zip(after, before, strict=True))
    return against_the_trace(round(100 * hits / (hits + misses)))


def solved() -> Counts:
    with patience(), own_keys():
        replay()
        store.counters().flush()
        return against_the_trace(round(100 * store.counters().read()["product"].ratio))


def keyspace(client: redis.Redis) -> tuple[int, int]:
    info = client.info("stats")
    return int(info["keyspace_hits"]), int(info["keyspace_misses"])


def against_the_trace(percent: int) -> Counts:
    return {"reads": READS, "true_percent": true_percent(), "said_percent": percent, "percentage_points_off": abs(percent - true_percent())}


def replay() -> None:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    skus = set(trace())
    known = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
    Product.objects.bulk_create([Product(sku=sku, name="Mug", price="4.90", category=category) for sku in skus - known])
    session = [f"{settings.CACHE_KEY_PREFIX}:session:{number}" for number in range(SESSION_KEYS)]
    cache.set_many(dict.fromkeys(session, "alice"), 60)
    for sku in trace():
        product_page(sku=sku)
        cache.get_many(session)


experiment = Experiment(
    challenge="Redis INFO shows a high hit ratio, but pages are slow",
    solution="hits and misses counted per namespace in the process, and sent to Redis once a second",
    load=f"{READS} reads of product pages, each together with {SESSION_KEYS} session keys",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["percentage_points_off"] >= 10,
    holds=lambda counts: counts["percentage_points_off"] == 0,
    proof=("percentage_points_off",),
    code="patterns/caching/hit_ratio",
)
