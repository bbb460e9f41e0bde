"""Requests through the whole service, in this process: without a cache, as people write it, and with each store."""

import contextlib
import io
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import include, path

from catalogue import store
from catalogue.models import Category, Product
from catalogue.pages import load_product
from lab.bench_trace import OFF, traces
from labkit.bench import Work
from patterns.caching.generations import Generation

STORED = 20_000  # in one category: what a page's neighbours are sorted from
SKU = "LAB-BENCH-00001"
NAIVE, OURS = "get_or_set in a view", "this service on Redis"
handler = WSGIHandler()


naive: dict[str, Any] = {}  # the cache of the naive view


def naive_view(request: HttpRequest, sku: str) -> JsonResponse:
    return JsonResponse(naive["cache"].get_or_set(sku, lambda: load_product(sku), 3600))


urlpatterns = [path("naive/<slug:sku>/", naive_view), path("", include("config.urls"))]


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
    memcached = {"BACKEND": "patterns.caching.fail_open.FailOpenMemcachedCache", "LOCATION": settings.MEMCACHED_URL}
    changes = {"ROOT_URLCONF": __name__, "CACHE": "redis", "CACHES": {**settings.CACHES, "plain": plain, "memcached": memcached}}
    prefix = f"lab-{secrets.token_hex(8)}"
    with override_settings(**changes, CACHE_KEY_PREFIX=prefix):
        handler.load_middleware()
        yield prefix
        client = store.client(settings.REDIS_URL)
        client.delete("none", *client.scan_iter(match=f"*{prefix}*", count=1000))


@contextlib.contextmanager
def pages() -> Iterator[Mapping[str, Work]]:
    with prepared():
        # the store is chosen by a setting that is read each time; Django's cache, which holds the generation, is made once
        generation = store.generation
        on_memcached = Generation(caches["memcached"], settings.CACHE_KEY_PREFIX)
        store.generation = lambda: on_memcached if settings.CACHE == "memcached" else generation()
        naive["cache"] = caches["plain"]
        yield {
            OFF: lambda: ask(f"/products/{SKU}/", "off"),
            NAIVE: lambda: ask(f"/naive/{SKU}/"),
            OURS: lambda: ask(f"/products/{SKU}/"),
            "this service on Memcached": lambda: ask(f"/products/{SKU}/", "memcached"),
        }
        store.generation = generation


@contextlib.contextmanager
def zipf() -> Iterator[Mapping[str, Work]]:
    with prepared() as prefix, traces(ask, prefix, naive) as works:
        yield works
