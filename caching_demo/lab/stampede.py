"""Cache stampede in Django: the cache expired and the database fell over.

Two hundred requests want one product's page when it is not in the cache: first because it
never was, then because it has expired. The naive side is `cache.get_or_set`: it looks, loads
and stores, and so does every other request.
"""

import functools
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any
from unittest import mock

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from catalogue.models import Category, Product
from catalogue.pages import load_product, page_key, product_page
from catalogue.store import FRESH_SECONDS, client
from lab import expire, patience
from labkit import Counts, Experiment
from labkit.crowd import children

REQUESTS = 200
PROCESSES = 2
LOAD_SECONDS = 0.1  # what a page costs whose query reads some ten thousand rows
MEET_SECONDS = 60  # on a busy machine the last of two hundred arrives late


class NaiveSide:
    @staticmethod
    def read(sku: str) -> dict[str, Any]:
        return cache.get_or_set(f"lab:{sku}", functools.partial(slow_load, sku), FRESH_SECONDS) or {}

    @staticmethod
    def expire(sku: str) -> None:
        # to Redis, an expired key and none are the same; the patient client, for this one delete must not be lost
        patient_client().delete(cache.make_key(f"lab:{sku}"))


class SolvedSide:
    @staticmethod
    def read(sku: str) -> dict[str, Any]:
        return product_page(sku=sku).content  # `crowd` makes its load slow

    @staticmethod
    def expire(sku: str) -> None:
        expire(patient_client(), page_key("product", sku))


Side = type[NaiveSide] | type[SolvedSide]


def slow_load(sku: str) -> dict[str, Any]:
    """The page's real load, made slow, and counted for all processes together."""
    patient_client().incr(lab_key(sku, "loads"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [LOAD_SECONDS])
    return load_product(sku)


def naive() -> Counts:
    return stampede(NaiveSide)


def solved() -> Counts:
    return stampede(SolvedSide)


def stampede(side: Side) -> Counts:
    if not settings.REDIS_URL:
        raise RuntimeError("this experiment needs Redis: `make lab` starts one, or set REDIS_URL=redis://:password@host:port")
    sku = f"LAB-{secrets.token_hex(8)}"  # keys of its own: a running service may use the same Redis
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.create(sku=sku, name="Mug", price="4.90", category=category)
    try:
        with ProcessPoolExecutor(PROCESSES, mp_context=children()) as pool:
            visits = [each for share in pool.map(crowd, [side] * PROCESSES, [sku] * PROCESSES) for each in share]
        cold, both = (int(patient_client().get(lab_key(sku, name)) or 0) for name in ("loads_cold", "loads"))
    finally:
        patient_client().delete(*patient_client().scan_iter(match=f"*{sku}*", count=1000))
    answers = [answer for visit in visits for answer in visit]
    bodies = [body for body, _ in answers if body]
    return {
        "requests": len(answers),
        "loads_cold": cold,
        "loads_stale": both - cold,
        "distinct_answers": len(set(bodies)),
        "errors": len(answers) - len(bodies),
        "slowest_cold_ms": max(cold for (_, cold), _ in visits),
        "slowest_stale_ms": max(stale for _, (_, stale) in visits),
    }


def crowd(side: Side, sku: str) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """The visitors of one process."""
    slow = mock.patch("catalogue.pages.load_product", slow_load)
    with patience(), slow, ThreadPoolExecutor(REQUESTS // PROCESSES) as pool:
        return list(pool.map(visit, [side] * (REQUESTS // PROCESSES), [sku] * (REQUESTS // PROCESSES)))


def visit(side: Side, sku: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """One visitor, who asks twice, each time together with all others."""
    cache.get("lab")  # opens Django's connection, and the next line the service's:
    client(settings.REDIS_URL).ping()  # what is raced is the page, not the handshake
    meet(sku, "cold", last=lambda: None)
    cold = ask(side, sku)

    def count_and_expire() -> None:
        patient_client().copy(lab_key(sku, "loads"), lab_key(sku, "loads_cold"))
        side.expire(sku)

    meet(sku, "stale", last=count_and_expire)
    return cold, ask(side, sku)


def ask(side: Side, sku: str) -> tuple[str, int]:
    """What the visitor gets (empty: an error), and after how many milliseconds."""
    began = time.perf_counter()
    try:
        body = json.dumps(side.read(sku), sort_keys=True)
    except Exception:  # whatever it is, a visitor sees an error; it is counted as one
        body = ""
    return body, round((time.perf_counter() - began) * 1000)


def meet(sku: str, phase: str, *, last: Callable[[], None]) -> None:
    """A barrier over all processes. The last visitor runs `last`, then releases all of them."""
    gate = lab_key(sku, f"gate_{phase}")
    if patient_client().incr(lab_key(sku, f"here_{phase}")) == REQUESTS:
        last()
        patient_client().rpush(gate, *["go"] * REQUESTS)
    if patient_client().blpop([gate], timeout=MEET_SECONDS) is None:
        raise TimeoutError("the crowd did not gather in time")


@functools.cache
def patient_client() -> redis.Redis:
    """For the barrier, which waits longer than the service's client may."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=MEET_SECONDS + 5)


def lab_key(sku: str, name: str) -> str:
    return f"{settings.CACHE_KEY_PREFIX}:lab:{sku}:{name}"


experiment = Experiment(
    challenge="Cache stampede in Django: the cache expired and the database fell over",
    solution="single flight: one request loads the page; the others get the stale copy or wait",
    load=f"{REQUESTS} requests at once for one page from {PROCESSES} processes, twice: never cached, then expired",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["loads_cold"] > 10 and counts["loads_stale"] > 10,
    holds=lambda counts: counts["loads_cold"] == counts["loads_stale"] == counts["distinct_answers"] == 1 and counts["errors"] == 0,
    proof=("loads_cold", "loads_stale"),
    code="patterns/caching/single_flight",
)
