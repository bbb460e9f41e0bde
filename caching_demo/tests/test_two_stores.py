"""Pages and counters on two servers: one evicts, the other must not."""

import os
from typing import Any

import pytest
from django.test import Client

from catalogue import store
from catalogue.models import Product, ViewCount
from catalogue.services import flush_views, trending_lock
from config.urls import Counters, OurReady
from patterns.http.health import Redis

VIEWS = "/products/SKU-000001/views/"
PAGE_BYTES = 20_000


@pytest.mark.native
def test_a_flood_of_pages_evicts_no_counter_and_is_refused_no_write(
    client: Client, committed_mug: Product, server: Any, settings: Any, own_keys: str
) -> None:
    pages, settings.COUNTERS_URL = server, os.environ["REDIS_URL"]
    pages.config_set("maxmemory-policy", "allkeys-lfu")
    pages.config_set("maxmemory", pages.info("memory")["used_memory"] + 2_000_000)
    answers = [client.post(VIEWS).status_code for _ in range(5)]
    with trending_lock(10).hold():
        for number in range(300):
            store.leases().get(f"{own_keys}:{number}", lambda: "x" * PAGE_BYTES)
        stored = client.get("/products/?page=1")["Cache-Status"]
    counts = store.client(settings.COUNTERS_URL)
    left = sum(1 for _ in counts.scan_iter(match=f"*{own_keys}*", count=1000))
    flush_views()

    assert pages.info("stats")["evicted_keys"] > 0
    assert (set(answers), stored, ViewCount.objects.get().count) == ({204}, "catalogue; fwd=miss; stored", 5)
    assert left >= 2  # the buffer, and the spans of the trending list
    assert not list(pages.scan_iter(match="*views*"))


@pytest.mark.parametrize("down", ["Redis", "Counters"])
def test_the_store_that_is_down_is_named(client: Client, db: None, settings: Any, monkeypatch: Any, down: str) -> None:
    urls = {"Redis": settings.REDIS_URL, "Counters": settings.REDIS_URL, down: "redis://127.0.0.1:1"}
    checks = [(Redis, {"url": urls["Redis"]}), (Counters, {"url": urls["Counters"]})]
    monkeypatch.setattr(OurReady, "optional", checks)
    answer = client.get("/ready")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert {name for name, found in answer.json()["checks"].items() if found != "ok"} == {down}
