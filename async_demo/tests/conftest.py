"""The carriers are third parties, so they are faked: as a process of their own, over real connections."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.test import Client

from labkit.processes import answers, free_port, running, wait_until
from quotes.management.commands.seed import seed_carriers
from quotes.models import Carrier

QUESTION = {"postcode": "10115", "weight_grams": "1200"}


@pytest.fixture(scope="session")
def carriers_url() -> Iterator[str]:
    port = free_port()
    fake = ["python", "-m", "granian", "--interface", "asgi", "--no-log", "--port", str(port), "fake_carriers.app:application"]
    with running(fake, GRANIAN_HOST="127.0.0.1"):
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=20, what="the fake carriers")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def stats(carriers_url: str) -> Iterator[Callable[[], dict[str, int]]]:
    """What the carriers counted since the test began."""
    with httpx.Client(base_url=carriers_url, trust_env=False, timeout=20) as client:
        client.post("/stats/reset")
        yield lambda: client.get("/stats").json()


@pytest.fixture
def carriers(db: None, carriers_url: str, settings: Any) -> None:
    """Five carriers that answer at once; `trouble` makes one of them misbehave."""
    settings.CARRIERS_URL = carriers_url
    settings.CARRIER_TIMEOUT_SECONDS = 1.5
    seed_carriers()
    for slug in Carrier.objects.values_list("slug", flat=True):
        trouble(slug, "delay_ms=0")


def trouble(slug: str, what: str) -> None:
    Carrier.objects.filter(slug=slug).update(rate_path=f"/{slug}/rate?{what}")


@pytest.fixture
def ask(client: Client) -> Callable[..., Any]:
    return lambda **question: client.get("/quotes/", {**QUESTION, **question})
