"""The cache expired and the database fell over.

Two hundred requests want one product's page at the moment when it is not in the cache: first because it never was, then
because it has expired. The naive side is `cache.get_or_set`, which looks, loads and stores, and lets everybody do so.
"""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from catalogue.models import Category, Product
from catalogue.pages import FRESH_SECONDS, client, load_page, page_key, product_page
from labkit import Counts, Experiment, at_once

REQUESTS = 200
PROCESSES = 4
LOAD_SECONDS = 0.08  # what a page costs whose report reads a few thousand rows

Clock = Callable[[], float]


class NaiveSide:
    """What Django's documentation has for it. What has expired is gone from Redis, so a delete makes it expire now."""

    @staticmethod
    def read(sku: str, clock: Clock) -> dict[str, Any]:
        return dict(cache.get_or_set(f"lab:{sku}", lambda: slow_load(sku), FRESH_SECONDS))

    @staticmethod
    def expire(sku: str) -> Clock:
        cache.delete(f"lab:{sku}")
        return time.time


class SolvedSide:
    """The service's own function. The page has expired for who reads it a little later."""

    @staticmethod
    def read(sku: str, clock: Clock) -> dict[str, Any]:
        return product_page(sku=sku, load=slow_load, clock=clock).content

    @staticmethod
    def expire(sku: str) -> Clock:
        return after_it_expired


def after_it_expired() -> float:
    return time.time() + FRESH_SECONDS + 1


def slow_load(sku: str) -> dict[str, Any]:
    """The page's real load, made slow, and counted in Redis for all processes together."""
    client(settings.REDIS_URL).incr(loads_key(sku))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [LOAD_SECONDS])
    return load_page(sku)


def loads_key(sku: str) -> str:
    return f"{settings.CACHE_KEY_PREFIX}:lab:loads:{sku}"


def naive() -> Counts:
    return stampede(NaiveSide)


def solved() -> Counts:
    return stampede(SolvedSide)


def stampede(side: type[NaiveSide] | type[SolvedSide]) -> Counts:
    if not settings.REDIS_URL:
        raise RuntimeError("this experiment needs Redis: `make lab` starts one, or set REDIS_URL=redis://:password@host:port")
    sku = f"LAB-{secrets.token_hex(8)}"  # its own keys: a running service may use the same Redis
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.create(sku=sku, name="Mug", price="4.90", category=category)
    redis = client(settings.REDIS_URL)
    try:
        cold = at_once(ask, [(side, sku, time.time)] * REQUESTS, processes=PROCESSES)
        loads_cold = int(redis.getdel(loads_key(sku)) or 0)
        stale = at_once(ask, [(side, sku, side.expire(sku))] * REQUESTS, processes=PROCESSES)
        loads_stale = int(redis.getdel(loads_key(sku)) or 0)
    finally:
        cache.delete(f"lab:{sku}")
        redis.delete(page_key(sku), loads_key(sku))
    answers = [body for body, _ in cold + stale if body]
    return {
        "requests": len(cold + stale),
        "loads_cold": loads_cold,
        "loads_stale": loads_stale,
        "distinct_answers": len(set(answers)),
        "errors": len(cold + stale) - len(answers),
        "slowest_cold_ms": max(elapsed for _, elapsed in cold),
        "slowest_stale_ms": max(elapsed for _, elapsed in stale),
    }


def ask(side: type[NaiveSide] | type[SolvedSide], sku: str, clock: Clock) -> tuple[str, int]:
    """What one visitor gets (empty: an error), and after how many milliseconds."""
    began = time.perf_counter()
    try:
        body = json.dumps(side.read(sku, clock), sort_keys=True)
    except Exception:
        body = ""
    return body, round((time.perf_counter() - began) * 1000)


experiment = Experiment(
    challenge="The cache expired and the database fell over",
    solution="single flight: one request loads the page, the others get the stale one, or wait for the new one",
    load=f"{REQUESTS} requests at once for one page from {PROCESSES} processes, twice: never cached, then expired",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["loads_cold"] > 10 and counts["loads_stale"] > 10,
    holds=lambda counts: (
        counts["loads_cold"] == counts["loads_stale"] == counts["distinct_answers"] == 1 and counts["errors"] == 0
    ),
    proof=("loads_cold", "loads_stale"),
    code="patterns/single_flight.py",
)
