"""Visitors as they are: a few of 200,000 products are asked for often, most hardly ever, and the store holds some thousands of pages."""

import bisect
import contextlib
import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.db import connection
from pymemcache.client.base import Client

from catalogue import store
from catalogue.pages import page_key
from labkit.bench import Measured, Work
from labkit.processes import answers, free_port, running, wait_until
from patterns.caching.fail_open import FailOpenMemcachedCache, FailOpenRedisCache
from patterns.caching.generations import Generation
from patterns.caching.leases import VALUE

PRODUCTS, CATEGORIES = 200_000, 40
MEGABYTES = 5  # of each store, its own overhead included
ZIPF = 1.0  # the n-th product is asked for 1/n as often as the first
WARM_UP, COUNTED = 30_000, 20_000
CHUNK = 200
REQUESTS = 10  # a piece of work
SEED = 7
OFF = "without a cache"
# what a page of this data weighs; the stores are filled with it before the requests are timed
PAGE = {
    "sku": "LAB-T-000001", "name": "Mug 1", "price": "4.90", "currency": "EUR", "description": "",
    "category": {"slug": "lab-1", "name": "Lab"},
    "related": [{"sku": f"LAB-T-00000{n}", "name": f"Mug {n}", "price": "4.90", "currency": "EUR"} for n in range(4)],
}  # fmt: skip


def sku(number: int) -> str:
    return f"LAB-T-{number:06d}"


def fill_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalogue_product WHERE sku LIKE 'LAB-T-%%'")
        if cursor.fetchone() == (PRODUCTS,):
            return
        cursor.execute("INSERT INTO catalogue_category (slug, name) SELECT 'lab-' || n, 'Lab' FROM generate_series(1, %s) n", [CATEGORIES])
        cursor.execute(
            """INSERT INTO catalogue_product (sku, name, description, price, currency, category_id)
               SELECT 'LAB-T-' || lpad(n::text, 6, '0'), 'Mug ' || n, '', 5 + n %% 95, 'EUR', c.id
               FROM generate_series(1, %s) n JOIN catalogue_category c ON c.slug = 'lab-' || (1 + n %% %s)""",
            [PRODUCTS, CATEGORIES],
        )
        cursor.execute("ANALYZE catalogue_product")


class Trace:
    """Product numbers without end, the same on every run. Number 1 is the most popular."""

    def __init__(self) -> None:
        self.weights = list(itertools.accumulate(1 / n**ZIPF for n in range(1, PRODUCTS + 1)))
        self.chance = random.Random(SEED)

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1 + bisect.bisect(self.weights, self.chance.random() * self.weights[-1])


@dataclass
class Kept:
    """A store of its own, filled as the trace would fill it."""

    hit_percent: float
    optimum_percent: float  # of a store that holds the most popular keys, as many as this one holds

    def figures(self) -> dict[str, float]:
        return {"% hits": self.hit_percent, "% at best": self.optimum_percent}


def replay(ask: Callable[[list[int]], int], held: Callable[[], int]) -> Kept:
    """`ask` gets a chunk of product numbers, stores what it misses, and says how many were there."""
    trace = iter(Trace())
    for _ in range(WARM_UP // CHUNK):
        ask(list(itertools.islice(trace, CHUNK)))
    counted = list(itertools.islice(trace, COUNTED))
    hits = sum(ask(counted[first : first + CHUNK]) for first in range(0, COUNTED, CHUNK))
    fits = held()
    return Kept(round(100 * hits / COUNTED, 1), round(100 * sum(number <= fits for number in counted) / COUNTED, 1))


def fill_redis(client: redis.Redis, key: Callable[[int], str], value: bytes, touch: Callable[[], object] = lambda: None) -> Kept:
    """`touch` reads what every page reads besides, so that the store does not take it for forgotten."""

    def ask(numbers: list[int]) -> int:
        touch()
        pipeline = client.pipeline(transaction=False)
        for number in numbers:
            pipeline.set(key(number), value, nx=True, get=True, ex=3600)  # one look, as a page's is
        return sum(found is not None for found in pipeline.execute())

    return replay(ask, client.dbsize)


def fill_memcached(client: Client, key: Callable[[int], str], value: bytes, touch: Callable[[], object]) -> Kept:
    def ask(numbers: list[int]) -> int:
        touch()
        names = [key(number) for number in numbers]
        found = client.get_many(list(dict.fromkeys(names)))
        missing = [name for name in dict.fromkeys(names) if name not in found]
        client.set_many(dict.fromkeys(missing, value), expire=3600)
        return len(names) - len(missing)

    return replay(ask, lambda: int(client.stats()[b"curr_items"]))


def redis_entry(version: str) -> bytes:
    now = time.time()
    times = {"loaded_at": now, "fresh_until": now + 3600, "load_seconds": 0.002}
    return json.dumps({"value": PAGE, **times, "version": version}).encode()


def memcached_entry() -> bytes:
    return VALUE + json.dumps({"loaded_at": time.time(), "content": PAGE}).encode()


@contextlib.contextmanager
def server(argv: list[str], what: str) -> Iterator[str]:
    port = free_port()
    with running([word.replace("{port}", str(port)) for word in argv]):
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=20, what=what)
        yield f"127.0.0.1:{port}"


def redis_of(policy: str, folder: str) -> contextlib.AbstractContextManager[str]:
    argv = ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    return server([*argv, "--maxmemory", f"{MEGABYTES}mb", "--maxmemory-policy", policy], "redis")


@contextlib.contextmanager
def traces(ask: Callable[..., bytes], prefix: str, naive: dict[str, Any]) -> Iterator[Mapping[str, Work]]:
    """Requests through the whole service, each kind with a store of its own. `naive["cache"]` is what the naive view uses."""
    fill_database()
    before = settings.REDIS_URL, settings.MEMCACHED_URL, settings.CACHE, store.generation
    works: dict[str, Work] = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def contender(kept: Kept | None, path: str, kind: str, address: str = "", generation: Generation | None = None) -> Work:
            trace = iter(Trace())

            def work() -> Measured:
                settings.REDIS_URL = settings.MEMCACHED_URL = address
                if generation:
                    store.generation = lambda: generation
                began = time.perf_counter()
                for number in itertools.islice(trace, REQUESTS):
                    ask(path.format(sku(number)), kind)
                return Measured(time.perf_counter() - began, kept.figures() if kept else {})

            return work

        works[OFF] = contender(None, "/products/{}/", "off")
        url = f"redis://{stack.enter_context(redis_of('allkeys-lru', folder))}"
        naive["cache"] = RedisCache(url, {})
        client = stack.enter_context(redis.Redis.from_url(url))
        plain, key = naive["cache"]._cache._serializer.dumps(PAGE), naive["cache"].make_key
        kept = fill_redis(client, lambda number: str(key(sku(number))), plain)
        works["get_or_set in a view"] = contender(kept, "/naive/{}/", "redis", url)
        for policy in ("allkeys-lru", "allkeys-lfu"):
            url = f"redis://{stack.enter_context(redis_of(policy, folder))}"
            generation = Generation(FailOpenRedisCache(url, {"KEY_PREFIX": prefix}), prefix)
            word, client = generation.current(), stack.enter_context(redis.Redis.from_url(url))
            kept = fill_redis(client, lambda n: page_key("product", sku(n)), redis_entry(json.dumps(word)), generation.current)
            works[f"this service on Redis, {policy}"] = contender(kept, "/products/{}/", "redis", url, generation)
        argv = ["memcached", "-p", "{port}", "-l", "127.0.0.1", "-u", "nobody", "-m", str(MEGABYTES)]
        address = stack.enter_context(server(argv, "memcached"))
        generation = Generation(FailOpenMemcachedCache(address, {"KEY_PREFIX": prefix}), prefix)
        word, memcached = generation.current(), Client(address)
        stack.callback(memcached.close)
        kept = fill_memcached(memcached, lambda n: f"{page_key('product', sku(n))}:{word}", memcached_entry(), generation.current)
        works["this service on Memcached"] = contender(kept, "/products/{}/", "memcached", address, generation)
        try:
            yield works
        finally:
            settings.REDIS_URL, settings.MEMCACHED_URL, settings.CACHE, store.generation = before
