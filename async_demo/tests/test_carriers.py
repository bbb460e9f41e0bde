"""What a carrier may send, and how little of it is believed."""

import gzip
from decimal import Decimal

import httpx
import pytest

from quotes.carriers import MAX_ANSWER_BYTES, CarrierFailed, Offer, Parcel, ask
from quotes.models import Carrier

SWIFT = Carrier(slug="swift", name="Swift Post", rate_path="/swift/rate?account=7")
PARCEL = Parcel(postcode="EC1A 1BB", weight_grams=1200)
RATE = b'{"price": "6.40", "currency": "EUR", "days": 2}'


async def offer_from(answer: httpx.Response, asked: list[httpx.URL] | None = None) -> Offer:
    def carrier(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request.url)
        return answer

    async with httpx.AsyncClient(base_url="http://carriers", transport=httpx.MockTransport(carrier)) as client:
        return await ask(client, SWIFT, PARCEL)


async def test_the_question_holds_the_parcel_and_keeps_what_the_path_already_asks() -> None:
    asked: list[httpx.URL] = []

    await offer_from(httpx.Response(200, stream=Chunks(RATE)), asked)

    [url] = asked
    assert (url.path, dict(url.params)) == ("/swift/rate", {"account": "7", "postcode": "EC1A 1BB", "weight_grams": "1200"})


@pytest.mark.parametrize("price", [b'"6.40"', b'"6.4"', b"6.40", b"6.4"])
async def test_a_rate_becomes_an_offer_in_cents(price: bytes) -> None:
    offer = await offer_from(httpx.Response(200, stream=Chunks(RATE.replace(b'"6.40"', price))))

    assert offer == Offer("swift", "Swift Post", Decimal("6.40"), "EUR", 2)
    assert str(offer.price) == "6.40"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"6.40"',
        b"\xff\xfe",
        b"[" * 60_000,
        b"9" * 60_000,
        b" " * MAX_ANSWER_BYTES + RATE,
        RATE.replace(b'"6.40"', b'"free"'),
        RATE.replace(b'"6.40"', b"NaN"),
        RATE.replace(b'"6.40"', b"1e999"),
        RATE.replace(b'"6.40"', b"-0.01"),
        RATE.replace(b'"6.40"', b"6.405"),
        RATE.replace(b'"6.40"', b'{"amount": 640}'),
        RATE.replace(b"EUR", b"USD"),
        RATE.replace(b"2}", b"-1}"),
        RATE.replace(b"2}", b"[2]}"),
        RATE.replace(b"2}", b"true}"),
        RATE.replace(b"2}", b'"2\\u0000"}'),
    ],
)
async def test_what_is_no_rate_is_unreadable(body: bytes) -> None:
    with pytest.raises(CarrierFailed, match="unreadable_answer"):
        await offer_from(httpx.Response(200, stream=Chunks(body)))


async def test_a_compressed_answer_is_not_unpacked_so_a_small_one_cannot_become_a_large_one() -> None:
    packed = httpx.Response(200, stream=Chunks(gzip.compress(RATE)), headers={"Content-Encoding": "gzip"})

    with pytest.raises(CarrierFailed, match="unreadable_answer"):
        await offer_from(packed)


@pytest.mark.parametrize("status", [201, 204, 302, 404, 429, 500])
async def test_a_status_that_is_not_200_is_no_offer(status: int) -> None:
    with pytest.raises(CarrierFailed, match="error_answer"):
        await offer_from(httpx.Response(status, stream=Chunks(RATE), headers={"Location": "http://carriers/elsewhere"}))


class Chunks(httpx.AsyncByteStream):
    """A body that comes from a connection, in pieces."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        for first in range(0, len(self.body), 1000):
            yield self.body[first : first + 1000]
