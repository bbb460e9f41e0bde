from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import Client

from labkit.tokens import access_token
from quotes import services
from quotes.carriers import Offer, Parcel, open_client
from quotes.models import Carrier
from tests.conftest import set_delay_ms

Ask = Callable[..., Any]
Stats = Callable[[], dict[str, int]]
PARCEL = Parcel(postcode="10115", weight_grams=1200)

pytestmark = pytest.mark.usefixtures("carriers")


def test_the_offers_come_cheapest_first(ask: Ask) -> None:
    answer = ask()

    assert answer.status_code == 200
    assert [(offer["carrier"], offer["price"]) for offer in answer.json()["offers"]] == [
        ("snail", "4.70"),
        ("swift", "6.80"),
        ("northway", "7.90"),
        ("harbour", "9.10"),
        ("brisk", "11.70"),
    ]
    assert answer.json()["failed"] == {}


def test_all_carriers_are_asked_at_once(ask: Ask, stats: Stats) -> None:
    set_delay_ms(300)

    ask()

    assert (stats()["calls"], stats()["most_in_flight"]) == (5, 5)


def test_an_inactive_carrier_is_not_asked(ask: Ask, stats: Stats) -> None:
    Carrier.objects.filter(slug="snail").update(is_active=False)

    assert len(ask().json()["offers"]) == stats()["calls"] == 4


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/swift/rate?delay_ms=0&answer=error", "error_answer"),
        ("/no-such-carrier/rate", "error_answer"),
        ("/swift/rate?delay_ms=0&answer=malformed", "unreadable_answer"),
        ("/swift/rate?delay_ms=0&answer=flood", "unreadable_answer"),
        ("/swift/rate?delay_ms=0&answer=hang", "timed_out"),
        ("/swift/rate?delay_ms=0&answer=trickle", "timed_out"),  # a byte every 50 ms: no read ever times out
        ("http://127.0.0.1:1/rate", "unreachable"),
        ("ftp://127.0.0.1/rate", "unreachable"),
        ("http://[::1", "unreachable"),
    ],
)
def test_a_carrier_in_trouble_is_named_and_the_others_offer(ask: Ask, settings: Any, path: str, reason: str) -> None:
    if reason == "timed_out":
        settings.CARRIER_TIMEOUT_SECONDS = 3
    Carrier.objects.filter(slug="swift").update(rate_path=path)

    answer = ask()

    assert answer.status_code == 200
    assert [offer["carrier"] for offer in answer.json()["offers"]] == ["snail", "northway", "harbour", "brisk"]
    assert answer.json()["failed"] == {"swift": reason}


def test_when_no_carrier_answers_it_is_a_503_that_names_them(ask: Ask, settings: Any) -> None:
    settings.CARRIERS_URL = "http://127.0.0.1:1"

    answer = ask()

    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (503, "application/problem+json", "5")
    assert (answer.json()["code"], answer.json()["offers"]) == ("unavailable", [])
    assert answer.json()["failed"] == dict.fromkeys(["brisk", "harbour", "northway", "snail", "swift"], "unreachable")


def test_when_there_is_nobody_to_ask_nobody_offers(ask: Ask) -> None:
    Carrier.objects.update(is_active=False)

    answer = ask()

    assert (answer.status_code, answer.json()["offers"], answer.json()["failed"]) == (200, [], {})


@pytest.mark.parametrize(
    "question",
    [
        {"postcode": ""},
        {"postcode": "1"},
        {"postcode": "10115-10115"},
        {"postcode": "10\x00115"},
        {"postcode": "10\n115"},
        {"postcode": "١٠١١٥"},
        {"postcode": "../stats"},
        {"weight_grams": ""},
        {"weight_grams": "0"},
        {"weight_grams": "-1"},
        {"weight_grams": "31501"},
        {"weight_grams": "9" * 5000},
        {"weight_grams": "1e3"},
        {"weight_grams": "NaN"},
        {"weight_grams": "12\x00"},
    ],
)
def test_a_malformed_question_is_refused_and_no_carrier_hears_of_it(ask: Ask, stats: Stats, question: dict[str, str]) -> None:
    answer = ask(**question)

    assert refused(answer) == list(question)
    assert stats()["calls"] == 0


def test_a_question_without_anything_names_both_fields(client: Client) -> None:
    answer = client.get("/quotes/")

    assert refused(answer) == ["postcode", "weight_grams"]


def refused(answer: Any) -> list[str]:
    """The parameters that a problem names."""
    body = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert (body["code"], body["request_id"]) == ("invalid_parameter", answer["X-Request-ID"])
    return list(dict.fromkeys(each["pointer"].removeprefix("#/") for each in body["errors"]))


@pytest.mark.parametrize("query", ["postcode=%ED%A0%80&weight_grams=1", "postcode=%FF&weight_grams=1", "&&&=%", "postcode[]=1"])
def test_bytes_that_are_no_text_are_refused(client: Client, query: str) -> None:
    assert client.get(f"/quotes/?{query}").status_code == 400


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_quote_is_only_read(method: str) -> None:
    assert getattr(Client(enforce_csrf_checks=True), method)("/quotes/?postcode=10115&weight_grams=1").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_waits_for_the_carriers(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("SQLite's test database lives in its connection: set DATABASE_URL")
    held = []

    async def offer(_: Any, carrier: Carrier, __: Any) -> Offer:
        held.append(await sync_to_async(lambda: connection.connection is not None)())
        return Offer(carrier.slug, carrier.name, Decimal(1), "EUR", 1)

    monkeypatch.setattr(services, "ask", offer)
    async_to_sync(gather)()

    assert held == [False] * 5


def test_what_one_carrier_sets_for_one_customer_does_not_go_out_with_the_next_call(stats: Stats) -> None:
    async_to_sync(gather)(times=2)

    assert (stats()["calls"], stats()["cookies"]) == (10, 0)


async def gather(times: int = 1) -> None:
    async with open_client() as client:
        for _ in range(times):
            await services.gather_offers(client=client, parcel=PARCEL, timeout_seconds=5)


def test_a_token_is_not_needed_but_an_invalid_one_is_refused(client: Client) -> None:
    question = {"postcode": "10115", "weight_grams": "500"}
    statuses = {
        token: client.get("/quotes/", question, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in (access_token("customer"), "rubbish", "")
    }

    assert list(statuses.values()) == [200, 401, 401]
