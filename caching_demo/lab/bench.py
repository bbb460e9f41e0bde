"""How fast a hit is beside the alternatives, and what a page costs with each store."""

import contextlib
import io
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import redis
from django.conf import settings
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import include, path
from dogpile.cache import make_region

from catalogue import store
from catalogue.models import Category, Product
from catalogue.pages import load_product
from labkit.bench import Benchmark, Work
from patterns.generations import Generation
from patterns.memcached_flight import MemcachedFlight
from patterns.single_flight import SingleFlight

STORED = 20_000  # in one category: what a page's neighbours are sorted from
SKU = "LAB-BENCH-00001"
RAW = "redis-py GET and orjson"
OFF = "without a cache"
FLIGHT: dict[str, Any] = {"fresh_seconds": 3600, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 6}
handler = WSGIHandler()


def naive_view(request: HttpRequest) -> JsonResponse:
    return JsonResponse(caches["plain"].get_or_set(f"{settings.CACHE_KEY_PREFIX}:{SKU}", lambda: load_product(SKU), 3600))


urlpatterns = [path("naive/", naive_view), path("", include("config.urls"))]


def ask(url: str, kind: str = "redis") -> bytes:
    """One request through the whole service, in this process, with one of its stores. Raises RuntimeError for an error."""
    settings.CACHE = kind
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": url, "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    answer: Any = handler(environ, lambda line, _: status.append(line))  # type: ignore[arg-type]
    content = b"".join(answer)
    answer.close()
    if not status[0].startswith("2"):
        raise RuntimeError(f"{url}: {status[0]} {content[:300].decode()}")
    return content


@contextlib.contextmanager
def prepared() -> Iterator[str]:
    """Products, and keys of our own, which are removed."""
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    if Product.objects.filter(category=category).count() < STORED:
        numbers = range(1, STORED + 1)
        rows = (Product(sku=f"LAB-BENCH-{n:05d}", name=f"Mug {n}", price=f"{5 + n % 95}.90", category=category) for n in numbers)
        Product.objects.bulk_create(rows, batch_size=5000, ignore_conflicts=True)
    plain = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": settings.REDIS_URL}
    memcached = {"BACKEND": "patterns.fail_open.FailOpenMemcachedCache", "LOCATION": settings.MEMCACHED_URL}
    changes = {"ROOT_URLCONF": __name__, "CACHE": "redis", "CACHES": {**settings.CACHES, "plain": plain, "memcached": memcached}}
    prefix = f"lab-{secrets.token_hex(8)}"
    with override_settings(**changes, CACHE_KEY_PREFIX=prefix):
        handler.load_middleware()
        yield prefix
        client = store.client(settings.REDIS_URL)
        client.delete("none", *client.scan_iter(match=f"*{prefix}*", count=1000))


@contextlib.contextmanager
def hits() -> Iterator[Mapping[str, Work]]:
    with prepared() as prefix:
        page, client = load_product(SKU), store.client(settings.REDIS_URL)
        client.set(f"{prefix}:raw", orjson.dumps(page))
        url = redis.connection.parse_url(settings.REDIS_URL)  # type: ignore[no-untyped-call]
        region = make_region().configure(
            "dogpile.cache.redis",
            expiration_time=3600,
            arguments={**url, "distributed_lock": True, "thread_local_lock": False, "redis_expiration_time": 4000},
        )
        region.serializer, region.deserializer = (lambda value: orjson.dumps(value), orjson.loads)
        flight = SingleFlight(client=client, **FLIGHT)
        memcached = MemcachedFlight(client=store.memcached(settings.MEMCACHED_URL), **FLIGHT)
        ours, plain = caches["default"], caches["plain"]

        def load() -> Any:
            return page

        yield {
            RAW: lambda: orjson.loads(client.get(f"{prefix}:raw")),  # type: ignore[arg-type]
            "single_flight": lambda: flight.get(f"{prefix}:flight", load).value,
            "memcached_flight": lambda: memcached.get(f"{prefix}:flight", load).value,
            "Django's get_or_set": lambda: plain.get_or_set(f"{prefix}:plain", load, 3600),
            "get_or_set of patterns/fail_open.py": lambda: ours.get_or_set(f"{prefix}:ours", load, 3600),
            "dogpile.cache": lambda: region.get_or_create(f"{prefix}:dogpile", load),
        }


@contextlib.contextmanager
def pages() -> Iterator[Mapping[str, Work]]:
    with prepared():
        # the store is chosen by a setting that is read each time; Django's cache, which holds the generation, is made once
        generation = store.generation
        on_memcached = Generation(caches["memcached"], settings.CACHE_KEY_PREFIX)
        store.generation = lambda: on_memcached if settings.CACHE == "memcached" else generation()
        yield {
            OFF: lambda: ask(f"/products/{SKU}/", "off"),
            "get_or_set in a view": lambda: ask("/naive/"),
            "this service on Redis": lambda: ask(f"/products/{SKU}/"),
            "this service on Memcached": lambda: ask(f"/products/{SKU}/", "memcached"),
        }
        store.generation = generation


benchmarks = {
    "hit": Benchmark("What does a hit cost, above the round trip?", RAW, hits, goals={"single_flight": 0.85}),
    "page": Benchmark("Product pages a second, all of them hits, against none cached.", OFF, pages),
}
