"""The client of the payment provider: one call, with timeouts and retries."""

import functools
import json
import threading
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import stamina
from django.conf import settings

from shop.models import Payment

# A worker serves one request at a time, so each wait blocks it for others: two attempts, at most about 4 s.
TIMEOUT = httpx.Timeout(1.5, connect=0.5)
ANSWER_SECONDS = 1.5  # for the whole response: a read timeout starts again with each byte
RETRY_SECONDS = 2.0  # no new attempt after that
MAX_ANSWER_BYTES = 16_384


_first = threading.Lock()  # functools.cache alone lets two threads create two clients, and leaks one


class ProviderAway(Exception):
    """No usable response. The payment may exist or not: retry with the same key."""


class ProviderRefused(Exception):
    """The provider rejects this payment. A retry is useless."""


class _Again(Exception):
    """A response that may change: retry."""


def client() -> httpx.Client:
    """One per process: the next payment reuses the connection."""
    with _first:
        return _open_client()


@functools.cache
def _open_client() -> httpx.Client:
    return httpx.Client(
        timeout=TIMEOUT,
        limits=httpx.Limits(keepalive_expiry=5),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a shared jar would mix up our customers
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        trust_env=False,  # no proxy from the environment, no credentials from a .netrc
    )


def request_payment(payment: Payment) -> str:
    """Starts the payment at the provider, which calls our webhook later. Returns the provider's id for it.

    Raises ProviderAway, ProviderRefused. A retry is safe: the payment's id is the Idempotency-Key.
    """
    try:
        return _ask(payment)
    except (httpx.HTTPError, _Again) as error:
        raise ProviderAway from error


@stamina.retry(on=(httpx.TransportError, _Again), attempts=3, timeout=RETRY_SECONDS, wait_initial=0.1, wait_max=0.5)
def _ask(payment: Payment) -> str:
    question = {"reference": str(payment.pk), "amount": str(payment.amount), "currency": payment.currency}
    deadline = time.monotonic() + ANSWER_SECONDS
    url, headers = f"{settings.PAYMENT_PROVIDER_URL}/payments", {"Idempotency-Key": str(payment.pk)}
    with client().stream("POST", url, json=question, headers=headers) as response:
        if response.status_code >= 500 or response.status_code in (408, 409, 429):
            raise _Again(response.status_code)
        if response.is_client_error:
            raise ProviderRefused(response.status_code)
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                raise ProviderAway
    try:
        provider_id = json.loads(bytes(body))["id"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ProviderAway from error
    if not response.is_success or not isinstance(provider_id, str) or not 1 <= len(provider_id) <= 100 or not provider_id.isascii():
        raise ProviderAway
    return provider_id
