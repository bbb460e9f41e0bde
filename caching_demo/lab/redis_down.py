"""Redis is down, and the Django site is down too.

A hundred visitors at once while Redis refuses connections, and a hundred while it accepts
them and never answers, until it is killed after two seconds. The naive side is Django's cache
with its defaults. Both sides handle real requests through Django; a fault proxy stands in
front of Redis.
"""

import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.test.client import ClientHandler
from django.urls import include, path

from catalogue.models import Category, Product
from catalogue.pages import load_product
from catalogue.store import FRESH_SECONDS
from lab import browser, own_keys
from labkit import Counts, Experiment, FaultProxy

VISITORS = 100
HANGS_SECONDS = 2.0  # the naive client would wait for five
SKU = "LAB-DOWN"
FAULTS: tuple[Literal["refuse", "hang"], ...] = ("refuse", "hang")


def naive_view(request: HttpRequest, sku: str) -> JsonResponse:
    cache = RedisCache(settings.REDIS_URL, {})  # as CACHES would make it, with nothing but a LOCATION
    return JsonResponse(cache.get_or_set(f"{settings.CACHE_KEY_PREFIX}:{sku}", lambda: load_product(sku), FRESH_SECONDS))


urlpatterns = [path("naive/<slug:sku>/", naive_view), path("", include("catalogue.urls"))]


def naive() -> Counts:
    return visit_while_redis_is_down(f"/naive/{SKU}/")


def solved() -> Counts:
    return visit_while_redis_is_down(f"/products/{SKU}/")


def visit_while_redis_is_down(address: str) -> Counts:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.get_or_create(sku=SKU, defaults={"name": "Mug", "price": "4.90", "category": category})
    url = urlsplit(settings.REDIS_URL)
    counts: dict[str, int | float] = {"reads": VISITORS * len(FAULTS)}
    with own_keys(), FaultProxy(url.hostname or "", url.port or 6379) as proxy:
        location = url._replace(netloc=f":{url.password or ''}@{proxy.host}:{proxy.port}").geturl()
        caches = {name: {**each, "LOCATION": location} for name, each in settings.CACHES.items()}
        with override_settings(REDIS_URL=location, CACHES=caches, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
            handler = ClientHandler(enforce_csrf_checks=False)
            if visit(handler, address)[0] != 200:
                raise RuntimeError("the page does not even work with Redis")
            answers = crowd(handler, address, proxy)
            for number, fault in enumerate(FAULTS):
                counts[f"failed_{fault}"] = sum(each[number][0] != 200 for each in answers)
                counts[f"slowest_{fault}_ms"] = max(each[number][1] for each in answers)
            proxy.set("pass")
            counts["failed_afterwards"] = sum(visit(handler, address)[0] != 200 for _ in range(10))
    return {**counts, "failed_reads": sum(int(counts[f"failed_{fault}"]) for fault in FAULTS)}


def crowd(handler: ClientHandler, address: str, proxy: FaultProxy) -> list[list[tuple[int, int]]]:
    """Each visitor's statuses and milliseconds. All connect to the database first: what is measured is the cache."""
    killed = threading.Timer(HANGS_SECONDS, proxy.set, ["refuse"])

    def begin(fault: Literal["refuse", "hang"]) -> None:
        proxy.set(fault)
        if fault == "hang":
            killed.start()

    gates = [threading.Barrier(VISITORS, functools.partial(begin, fault), timeout=60) for fault in FAULTS]

    def visitor(_: int) -> list[tuple[int, int]]:
        connections["default"].ensure_connection()
        answers = []
        try:
            for gate in gates:
                gate.wait()
                answers.append(visit(handler, address))
            return answers
        finally:
            connections.close_all()

    with ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(visitor, range(VISITORS)))
    killed.cancel()  # where nobody waits for Redis, all have been answered long before
    killed.join()
    return answers


def visit(handler: ClientHandler, address: str) -> tuple[int, int]:
    began = time.perf_counter()
    status = browser(handler).get(address).status_code
    return status, round((time.perf_counter() - began) * 1000)


experiment = Experiment(
    challenge="Redis is down, and the Django site is down too",
    solution="fail open: short time-outs, a circuit breaker, and the database as fallback",
    load=f"{VISITORS} visitors at once while Redis refuses connections, {VISITORS} while it hangs for {HANGS_SECONDS:g} s",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["failed_reads"] == counts["reads"],
    holds=lambda counts: counts["failed_reads"] == counts["failed_afterwards"] == 0,
    proof=("failed_reads",),
    code="patterns/caching/fail_open",
)
