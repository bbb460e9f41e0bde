import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
import redis as redis_py
from django.core.cache import caches

from catalogue import store
from catalogue.models import Category, Product
from catalogue.price_events import work_queue
from labkit import FaultProxy
from labkit.processes import answers, free_port, running, wait_until
from labkit.tokens import login_header
from patterns.caching.fail_open import breaker_of


@pytest.fixture(autouse=True)
def own_keys(settings: Any) -> Iterator[str]:
    """A running service may use the same Redis: each test has keys of its own, and leaves none behind."""
    if not settings.REDIS_URL or not settings.MEMCACHED_URL:
        pytest.fail("these tests need Redis and Memcached: `make test` starts them, or set REDIS_URL and MEMCACHED_URL")
    url, settings.CACHE_KEY_PREFIX = settings.REDIS_URL, f"test-{secrets.token_hex(8)}"
    settings.CACHE = "redis"
    breaker_of.cache_clear()
    yield settings.CACHE_KEY_PREFIX
    redis = store.client(url)  # also the counters' server, if a test has two
    if keys := list(redis.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}*", count=1000)):
        redis.delete(*keys)


def use(settings: Any, kind: str, *, server: str) -> None:
    """Another store, or the same by another way, for the rest of the test."""
    backend = {"redis": "FailOpenRedisCache", "memcached": "FailOpenMemcachedCache"}[kind]
    settings.CACHE = kind
    setattr(settings, f"{kind.upper()}_URL", server)
    pages = {"BACKEND": f"patterns.caching.fail_open.{backend}", "LOCATION": server, "KEY_PREFIX": "catalogue"}
    settings.CACHES = {"default": pages, "strict": {**pages, "OPTIONS": {"strict": True}}}


@contextlib.contextmanager
def own_server(kind: str, port: int, folder: Path) -> Iterator[Any]:
    """A server of this test's own: the others' must not be stopped."""
    argv = {
        "redis": ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        "memcached": ["memcached", "-p", str(port), "-l", "127.0.0.1", "-u", "nobody"],
    }[kind]
    with running(argv) as process:
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=10, what=kind)
        yield process


@pytest.fixture
def server(settings: Any, tmp_path: Path) -> Iterator[Any]:
    """The admin's client of a Redis of this test's own, which the service uses."""
    port = free_port()
    with own_server("redis", port, tmp_path) as process:
        use(settings, "redis", server=f"redis://127.0.0.1:{port}")
        with redis_py.Redis(port=port) as admin:
            admin.pid = process.pid  # type: ignore[attr-defined]
            yield admin
        caches.close_all()


@pytest.fixture(params=["redis", "memcached"])
def each_store(request: pytest.FixtureRequest, settings: Any) -> str:
    use(settings, request.param, server=settings.REDIS_URL if request.param == "redis" else settings.MEMCACHED_URL)
    return str(request.param)


@pytest.fixture
def proxy(each_store: str, settings: Any) -> Iterator[FaultProxy]:
    """Stands between the service and the store, and misbehaves when it is told to."""
    url = urlsplit(settings.REDIS_URL if each_store == "redis" else f"memcached://{settings.MEMCACHED_URL}")
    with FaultProxy(url.hostname or "", url.port or 0) as proxy:
        address = f"{proxy.host}:{proxy.port}"
        by_proxy = url._replace(netloc=f":{url.password or ''}@{address}").geturl()
        use(settings, each_store, server=by_proxy if each_store == "redis" else address)
        yield proxy
        caches["default"].close()


@pytest.fixture
def kitchen(db: None) -> Category:
    return Category.objects.create(slug="kitchen", name="Kitchen")


@pytest.fixture
def mug(kitchen: Category) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90", category=kitchen)


@pytest.fixture
def committed_mug(transactional_db: None) -> Product:
    """What is to be forgotten is forgotten on commit, so there has to be one."""
    kitchen = Category.objects.create(slug="kitchen", name="Kitchen")
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90", category=kitchen)


@pytest.fixture
def login() -> Callable[..., dict[str, str]]:
    """Makes the header of a user's access token."""
    return login_header


@pytest.fixture
def channel(settings: Any) -> Iterator[Any]:
    if not settings.RABBITMQ_URL:
        pytest.fail("these tests need RabbitMQ: `make test` starts one, or set RABBITMQ_URL")
    settings.QUEUE_PREFIX, settings.EVENTS_EXCHANGE = f"test-{secrets.token_hex(8)}", f"test-{secrets.token_hex(8)}"
    with pika.BlockingConnection(pika.URLParameters(settings.RABBITMQ_URL)) as connection:
        channel = connection.channel()
        work_queue().declare(channel)
        yield channel
        channel.exchange_delete(settings.EVENTS_EXCHANGE)
        for name in work_queue().queues():
            channel.queue_delete(name)


@pytest.fixture
def publish(channel: Any, settings: Any) -> Callable[[bytes], None]:
    return lambda body: channel.basic_publish(settings.EVENTS_EXCHANGE, "product.price_changed", body)
