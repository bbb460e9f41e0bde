"""The client of the carriers: one shared connection pool, one request, and the ways it can fail."""

import json
from dataclasses import dataclass
from decimal import Decimal
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal

import httpx
from django.conf import settings

from quotes.forms import RateForm
from quotes.models import Carrier

MAX_ANSWER_BYTES = 65_536  # a rate has a hundred; without a limit one carrier could fill our memory
CENT = Decimal("0.01")

Reason = Literal["timed_out", "unreachable", "error_answer", "unreadable_answer"]


class CarrierFailed(Exception):
    """A carrier made no offer. `reason` is one of ours, never the carrier's text."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Parcel:
    postcode: str
    weight_grams: int


@dataclass(frozen=True)
class Offer:
    carrier: str
    name: str
    price: Decimal
    currency: str
    days: int


def open_client(base_url: str = "") -> httpx.AsyncClient:
    """A client for all carriers and all customers of this process; enter it with `async with`. Default: CARRIERS_URL."""
    return httpx.AsyncClient(
        base_url=base_url or settings.CARRIERS_URL,
        timeout=settings.CARRIER_TIMEOUT_SECONDS,  # for each of connect, read, write and the wait for a connection
        # past 100 calls at once a call waits for a connection, inside its timeout; idle ones close before the carrier's side does
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=25, keepalive_expiry=5),
        # a shared client has a shared cookie jar: what a carrier sets for one customer would go out with the next one's call
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # the body is read as it comes, so that its limit is the limit of what we hold, too
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        trust_env=False,  # no proxy from the environment, no credentials from a .netrc
    )


async def ask(client: httpx.AsyncClient, carrier: Carrier, parcel: Parcel) -> Offer:
    """The carrier's offer for the parcel. Raises CarrierFailed. The caller bounds the time."""
    question: dict[str, str | int] = {"postcode": parcel.postcode, "weight_grams": parcel.weight_grams}
    try:
        url = httpx.URL(carrier.rate_path).copy_merge_params(question)  # params= would drop what the path already asks
        async with client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise CarrierFailed("error_answer")
            body = await read_body(response)
    except httpx.TimeoutException as error:
        raise CarrierFailed("timed_out") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CarrierFailed("unreachable") from error
    return read_offer(carrier, body)


async def read_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise CarrierFailed("unreadable_answer")
    return bytes(body)


def read_offer(carrier: Carrier, body: bytes) -> Offer:
    """Validates the carrier's JSON. Raises CarrierFailed."""
    try:
        rate = json.loads(body)
    except (ValueError, RecursionError) as error:  # RecursionError: 60,000 times "["
        raise CarrierFailed("unreadable_answer") from error
    form = RateForm(rate if isinstance(rate, dict) else {})
    if not form.is_valid():
        raise CarrierFailed("unreadable_answer")
    data = form.cleaned_data
    return Offer(carrier.slug, carrier.name, data["price"].quantize(CENT), data["currency"], data["days"])
