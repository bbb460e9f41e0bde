"""What a carrier may send, and how little of it we believe."""

import gzip
from decimal import Decimal

import httpx
import pytest

from quotes.carriers import MAX_ANSWER_BYTES, CarrierFailed, Parcel, ask
from quotes.models import Carrier

SWIFT = Carrier(slug="swift", name="Swift Post", rate_path="/swift/rate?account=7")
PARCEL = Parcel(postcode="EC1A 1BB", weight_grams=1200)


async def answered(content: bytes, status: int = 200) -> tuple[httpx.Request, object]:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, content=content)

    async with httpx.AsyncClient(base_url="http://carriers", transport=httpx.MockTransport(answer)) as client:
        try:
            return asked[0] if asked else httpx.Request("GET", "http://none"), await ask(client, SWIFT, PARCEL)
        finally:
            assert [dict(request.url.params) for request in asked] == [{"account": "7", "postcode": "EC1A 1BB", "weight_grams": "1200"}]


@pytest.mark.parametrize("price", [b'"6.40"', b"6.40", b"6.4", b'"6.4"'])
async def test_a_rate_becomes_an_offer_in_cents(price: bytes) -> None:
    _, offer = await answered(b'{"price": %b, "currency": "EUR", "days": 2, "more": []}' % price)

    assert (offer.carrier, offer.name, str(offer.price), offer.days) == ("swift", "Swift Post", "6.40", 2)
    assert isinstance(offer.price, Decimal)
