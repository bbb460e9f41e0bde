"""What a hit costs, beside what others have."""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import cashews
import redis
from django.conf import settings
from django.core.cache import caches
from dogpile.cache import make_region

from catalogue import store
from catalogue.pages import load_product
from lab.bench_pages import SKU, prepared
from labkit.bench import Work
from patterns.caching.single_flight import SingleFlight

RAW = "redis-py GET and json"
BATCH = 20  # hits in one piece of work
FLIGHT: dict[str, Any] = {"fresh_seconds": 3600, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 6}


@contextlib.contextmanager
def hits() -> Iterator[Mapping[str, Work]]:
    with prepared() as prefix:
        page, client = load_product(SKU), store.client(settings.REDIS_URL)
        client.set(f"{prefix}:raw", json.dumps(page))
        url = redis.connection.parse_url(settings.REDIS_URL)  # type: ignore[no-untyped-call]
        region = make_region().configure(
            "dogpile.cache.redis",
            expiration_time=3600,
            arguments={**url, "distributed_lock": True, "thread_local_lock": False, "redis_expiration_time": 4000},
        )
        region.serializer, region.deserializer = (lambda value: json.dumps(value).encode(), json.loads)
        flight = SingleFlight(client=client, **FLIGHT)
        ours, plain = caches["default"], caches["plain"]

        def load() -> Any:
            return page

        loop, by_cashews = asyncio.new_event_loop(), cashews.Cache()
        by_cashews.setup(settings.REDIS_URL, pickle_type="json", suppress=False)

        @by_cashews(ttl=3600, key=f"{prefix}:cashews")
        async def load_for_cashews() -> Any:
            return page

        async def cashews_hits() -> None:
            for _ in range(BATCH):
                await load_for_cashews()

        yield {
            RAW: batch(lambda: json.loads(client.get(f"{prefix}:raw"))),  # type: ignore[arg-type]
            "single_flight": batch(lambda: flight.get(f"{prefix}:flight", load).value),
            "Django's get_or_set": batch(lambda: plain.get_or_set(f"{prefix}:plain", load, 3600)),
            "get_or_set of patterns/caching/fail_open": batch(lambda: ours.get_or_set(f"{prefix}:ours", load, 3600)),
            "dogpile.cache": batch(lambda: region.get_or_create(f"{prefix}:dogpile", load)),
            "cashews (asyncio)": lambda: loop.run_until_complete(cashews_hits()),
        }
        loop.run_until_complete(by_cashews.close())
        loop.close()


def batch(work: Work) -> Work:
    """cashews is asynchronous: entering a loop per hit would dominate its figure."""

    def many_times() -> None:
        for _ in range(BATCH):
            work()

    return many_times
