"""A forged webhook marked my order paid.

Calls arrive at the payment webhook, each for an order of its own: forged, altered,
restamped and stale ones, and genuine ones with too little money. Then one genuine call
arrives 20 times at once. The naive endpoint trusts the JSON. The obvious fix compares a
signature of the parsed and serialised body.
"""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from labkit import Counts, Experiment, at_once
from patterns.http.signed_webhook.models import ReceivedEvent
from patterns.http.signed_webhook.signature import key_of, sign
from patterns.messaging.outbox.models import OutboxEvent
from shop import events
from shop.api.payments import TOLERANCE_SECONDS, PaymentWebhook
from shop.models import Order, Payment, Product
from shop.payments import open_payment
from shop.services import place_order

KINDS = ("forged", "altered", "restamped", "stale", "underpaid")
EACH = 3
REPLAYS = 20
SECRET, STRANGERS = "the provider's secret, for the lab only", "a secret that the provider does not have"
TOLD_SECONDS = 0.02  # another service is called: time for the duplicate to arrive

Call = tuple[type[APIView], bytes, dict[str, str]]


class NaiveWebhook(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        event: Any = request.data
        if event["type"] == "payment.succeeded":
            order = Order.objects.get(payments=event["data"]["reference"])
            if order.status != Order.Status.PAID:
                time.sleep(TOLD_SECONDS)
                order.status, order.paid_at = Order.Status.PAID, timezone.now()
                with transaction.atomic():
                    order.save()
                    events.announce_order("paid", order)
        return Response({"ok": True})


class NaiveSignature(NaiveWebhook):
    """The obvious fix: an HMAC over the re-serialised body. Nothing checks time, amount or repetition."""

    def post(self, request: Request) -> Response:
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.{json.dumps(request.data)}"
        expected = base64.b64encode(hmac.digest(key_of(SECRET), signed.encode(), hashlib.sha256)).decode()
        if request.headers["webhook-signature"] != f"v1,{expected}":
            return Response({"detail": "wrong signature"}, status=401)
        return super().post(request)


class SolvedWebhook(PaymentWebhook):
    def secrets(self) -> list[str]:
        return [SECRET]


def naive() -> Counts:
    believing, signed = receive(NaiveWebhook, NaiveSignature)
    return believing | {
        "wrong_effects_with_a_signature": signed["wrong_effects"],
        "effects_of_one_payment_with_a_signature": signed["effects_of_one_payment"],
        "genuine_calls_refused_with_a_signature": refused_when_compact(),
    }


def solved() -> Counts:
    [counts] = receive(SolvedWebhook)
    return counts


def receive(*views: type[APIView]) -> list[Counts]:
    """The counts of each view. The views share one set of workers, which take a second to start; each has its own orders."""
    forget()
    calls: list[Call] = []
    wrong: dict[type[APIView], dict[str, list[str]]] = {}
    true: dict[type[APIView], str] = {}
    for view in views:
        wrong[view] = {kind: [] for kind in KINDS}
        for kind, payment in ((kind, new_payment()) for kind in KINDS for _ in range(EACH)):
            wrong[view][kind].append(str(payment.order_id))
            calls.append((view, *attempt(kind, payment)))
        payment = new_payment()
        true[view], body = str(payment.order_id), event(payment)
        calls += [(view, body, signed(body, event_id=f"evt_{payment.pk.hex}"))] * REPLAYS
    codes = at_once(call, calls)
    paid = [event.payload["data"]["order_id"] for event in OutboxEvent.objects.filter(routing_key="order.paid")]
    forget()  # payments protect their orders, and the next experiment starts without any
    return [
        counted(paid, wrong[view], true[view], [code for code, each in zip(codes, calls, strict=True) if each[0] is view]) for view in views
    ]


def counted(paid: list[str], wrong: dict[str, list[str]], true: str, codes: list[int]) -> Counts:
    """`paid`: the order ids of all `order.paid` events in the outbox. An effect is one such event."""
    by_kind: Counts = {f"paid_by_{kind}": sum(order in orders for order in paid) for kind, orders in wrong.items()}
    return {
        "calls": len(codes),
        **by_kind,
        "wrong_effects": sum(by_kind.values()),
        "effects_of_one_payment": paid.count(true),
        "genuine_calls_refused": sum(code != 200 for code in codes[-REPLAYS:]),
    }


def refused_when_compact() -> int:
    """Genuine calls that the obvious fix refuses because the provider writes JSON without spaces."""
    payment = new_payment()
    body = event(payment, separators=(",", ":"))
    code = call(NaiveSignature, body, signed(body, event_id="evt_compact"))
    forget()
    return int(code != 200)


def new_payment() -> Payment:
    customer, _ = get_user_model().objects.get_or_create(username="customer")
    Product.objects.update_or_create(sku="SKU-000001", defaults={"name": "Mug", "price": "14.70", "stock": 1000})
    return open_payment(place_order(customer=customer, quantities={"SKU-000001": 1}))[0]


def event(payment: Payment, *, kind: str = "payment.succeeded", amount: str = "14.70", separators: tuple[str, str] = (", ", ": ")) -> bytes:
    """Serialised as Python does it, so that the obvious fix accepts the genuine call."""
    data = {"payment": "pay_1", "reference": str(payment.pk), "amount": amount, "currency": "EUR"}
    return json.dumps({"type": kind, "timestamp": "2026-11-22T12:00:00Z", "data": data}, separators=separators).encode()


def signed(body: bytes, *, event_id: str, secret: str = SECRET, age_seconds: float = 0) -> dict[str, str]:
    return sign(body, event_id=event_id, now=time.time() - age_seconds, secrets=[secret])


def attempt(kind: str, payment: Payment) -> tuple[bytes, dict[str, str]]:
    """A call that tries to pay an unpaid order. The attacker has no secret, but may have recorded a genuine call."""
    event_id, body = f"evt_{payment.pk.hex}", event(payment)
    if kind == "forged":
        return body, signed(body, event_id=event_id, secret=STRANGERS)
    if kind == "altered":  # the headers belong to a payment.failed event
        return body, signed(event(payment, kind="payment.failed"), event_id=event_id)
    if kind == "restamped":
        return body, signed(body, event_id=event_id, age_seconds=3600) | {"webhook-timestamp": str(int(time.time()))}
    if kind == "stale":
        return body, signed(body, event_id=event_id, age_seconds=TOLERANCE_SECONDS + 60)
    underpaid = event(payment, amount="0.01")  # genuine, but of a payment that was started for something else
    return underpaid, signed(underpaid, event_id=event_id)


def call(view: type[APIView], body: bytes, headers: dict[str, str]) -> int:
    request = APIRequestFactory().post("/api/v1/webhooks/payments/", body, content_type="application/json", headers=headers)
    return int(view.as_view()(request).status_code)


def forget() -> None:
    for model in (Payment, Order, OutboxEvent, ReceivedEvent):
        model.objects.all().delete()


experiment = Experiment(
    challenge="A forged webhook marked my order paid",
    solution="an HMAC over id, time and raw body; the amount is compared, and the event's id is stored with its effect",
    load=f"{EACH} calls of each kind ({', '.join(KINDS)}), and one genuine call {REPLAYS} times, all at once from two processes",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["wrong_effects"] > 0 and counts["wrong_effects_with_a_signature"] > 0,
    holds=lambda counts: (counts["wrong_effects"], counts["effects_of_one_payment"], counts["genuine_calls_refused"]) == (0, 1, 0),
    proof=("wrong_effects", "effects_of_one_payment"),
    code="patterns/http/signed_webhook/signature.py",
)
