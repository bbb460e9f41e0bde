"""We made it async, and it is still slow.

A quote needs five carriers. The naive version is async throughout, and still calls them one after another:
`await` in a loop waits for each response before it sends the next request. It also opens a client, and so a
connection, for each call.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict
from typing import Any

import httpx
from asgiref.sync import async_to_sync

from labkit import Counts, Experiment
from labkit.processes import answers, free_port, listening, running, wait_until, web_server
from quotes.carriers import Offer, Parcel, open_client, read_offer
from quotes.management.commands.seed import seed_carriers
from quotes.models import Carrier
from quotes.services import gather_offers

QUOTES = 4
PARCEL = Parcel(postcode="10115", weight_grams=1200)
TIMEOUT_SECONDS = 5.0  # generous: a busy machine must not turn a late answer into a missing one

Ask = Callable[[Any], Awaitable[list[Offer]]]


async def ask_one_after_another(url: str) -> list[Offer]:
    offers = []
    async for carrier in Carrier.objects.active():
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            response = await client.get(carrier.rate_path, params=asdict(PARCEL))
        offers.append(read_offer(carrier, response.content))
    return sorted(offers, key=lambda offer: offer.price)


async def ask_all_at_once(client: httpx.AsyncClient) -> list[Offer]:
    quote = await gather_offers(client=client, parcel=PARCEL, timeout_seconds=TIMEOUT_SECONDS)
    return quote.offers


def naive() -> Counts:
    return count(ask_one_after_another, lambda url: nullcontext(url))


def solved() -> Counts:
    return count(ask_all_at_once, open_client)


def count(ask: Ask, means: Callable[[str], AbstractAsyncContextManager[Any]]) -> Counts:
    seed_carriers()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    fake = web_server("fake_carriers.app:application", "asgi")
    with running(fake, **listening(port)):
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=20, what="the fake carriers")
        httpx.get(f"{url}/live", timeout=20, trust_env=False)  # the worker is up, not only its port
        offers, elapsed_seconds = async_to_sync(some_quotes)(ask, means(url))
        stats = httpx.get(f"{url}/stats", trust_env=False).json()
    return {
        "calls": stats["calls"],
        "offers": offers,
        "most_calls_at_once": stats["most_in_flight"],
        "connections": stats["connections"],
        "one_quote_ms": round(elapsed_seconds / QUOTES * 1000),
        "slowest_carrier_ms": stats["slowest_ms"],
    }


async def some_quotes(ask: Ask, means: AbstractAsyncContextManager[Any]) -> tuple[int, float]:
    started = time.perf_counter()
    async with means as given:
        offers = [len(await ask(given)) for _ in range(QUOTES)]
    return sum(offers), time.perf_counter() - started


experiment = Experiment(
    challenge="We made it async, and it is still slow",
    solution="all calls run concurrently over one shared client, and a failure is an outcome of its own call",
    load=f"{QUOTES} quotes, one after another, each from five carriers that take 60 to 120 ms",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["most_calls_at_once"] == 1 and counts["connections"] == counts["calls"],
    holds=lambda counts: (
        counts["most_calls_at_once"] == 5 and counts["connections"] == 5 and counts["offers"] == counts["calls"] == 5 * QUOTES
    ),
    proof=("most_calls_at_once", "connections"),
    code="patterns/asyncio/gather_settled",
)
