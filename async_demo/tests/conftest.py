"""The carriers are third parties, so they are faked: as a process of their own, over real connections."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client

from labkit.processes import answers, free_port, listening, running, wait_until, web_server
from quotes.management.commands.seed import seed_carriers
from quotes.models import Carrier

QUESTION = {"postcode": "10115", "weight_grams": "1200"}


@pytest.fixture(scope="session")
def carriers_url() -> Iterator[str]:
    port = free_port()
    fake = web_server("fake_carriers.app:application", "asgi")
    with running(fake, **listening(port)):
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
    """The seed's five, and they answer at once."""
    settings.CARRIERS_URL = carriers_url
    settings.CARRIER_TIMEOUT_SECONDS = 30  # a busy machine is not a failure; a test of the timeout sets its own
    seed_carriers()
    set_delay_ms(0)


def set_delay_ms(delay_ms: int) -> None:
    Carrier.objects.update(rate_path=Concat(Value("/"), "slug", Value(f"/rate?delay_ms={delay_ms}")))


@pytest.fixture
def ask(client: Client) -> Callable[..., Any]:
    return lambda **question: client.get("/quotes/", {**QUESTION, **question})
