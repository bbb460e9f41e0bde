"""The provider's door: what a signed event does to an order, and what the others do not. Over HTTP, without the provider."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from labkit.processes import wait_until
from patterns.http.signed_webhook.models import ReceivedEvent
from patterns.http.signed_webhook.signature import sign
from patterns.messaging.outbox.models import OutboxEvent
from shop.models import Order, Payment, Product
from shop.payments import open_payment
from shop.services import NotCancellable, cancel_order, place_order

URL = "/api/v1/webhooks/payments/"
SECRET, NEXT_SECRET = "a secret that the provider shares", "the secret that will replace it"


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.WEBHOOK_SECRETS = [SECRET, NEXT_SECRET]


@pytest.fixture
def customer(db: None) -> User:
    """Without a password: hashing one takes longer than most tests here."""
    return User.objects.create(username="customer")


@pytest.fixture
def order(customer: Any, mug: Product) -> Order:
    return place_order(customer=customer, quantities={mug.sku: 3})


@pytest.fixture
def payment(order: Order) -> Payment:
    return open_payment(order)[0]


def event(payment: Payment, kind: str = "payment.succeeded", **changes: Any) -> bytes:
    data = {"payment": "pay_1", "reference": str(payment.pk), "amount": "14.70", "currency": "EUR"}
    return json.dumps({"type": kind, "timestamp": "2026-11-22T12:00:00Z", "data": data | changes}, separators=(",", ":")).encode()


def call(body: bytes, *, event_id: str = "", sent: bytes | None = None, late: float = 0, secret: str = SECRET, **extra: Any) -> Any:
    headers = sign(body, event_id=event_id or f"evt_{uuid.uuid4().hex}", now=time.time() - late, secrets=[secret])
    content_type = extra.pop("content_type", "application/json")
    return Client().post(URL, body if sent is None else sent, content_type=content_type, headers=headers | extra)


def state(payment: Payment) -> tuple[str, str, int]:
    """The order's status, the payment's, and how often it was told that the order is paid."""
    payment = Payment.objects.select_related("order").get(pk=payment.pk)
    return payment.order.status, payment.status, OutboxEvent.objects.filter(routing_key="order.paid").count()


UNPAID, PAID = ("placed", "pending", 0), ("paid", "succeeded", 1)


def test_a_signed_event_pays_the_order_and_tells_of_it(payment: Payment) -> None:
    answer = call(event(payment))

    assert (answer.status_code, answer.json()) == (200, {"outcome": "paid"})
    assert state(payment) == PAID
    assert Order.objects.get().paid_at


def test_an_event_that_comes_again_has_no_second_effect(payment: Payment) -> None:
    answers = [call(event(payment), event_id="evt_1") for _ in range(3)]

    assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(200, "paid")] * 3
    assert state(payment) == PAID


def test_a_second_event_of_the_same_payment_has_no_second_effect(payment: Payment) -> None:
    call(event(payment))

    assert call(event(payment)).json() == {"outcome": "ignored"}
    assert call(event(payment, "payment.failed")).json() == {"outcome": "ignored"}
    assert state(payment) == PAID


@pytest.mark.parametrize(
    ("trick", "code"),
    [
        ({"secret": "a secret that nobody shares with us"}, "webhook_forged"),
        ({"late": 301}, "webhook_stale"),
        ({"late": -360}, "webhook_stale"),
        ({"webhook-signature": ""}, "webhook_forged"),
        ({"webhook-id": "evt_other"}, "webhook_forged"),
        ({"webhook-timestamp": ""}, "webhook_unsigned"),
        ({"sent": b'{"type":"payment.succeeded"}'}, "webhook_forged"),
    ],
)
def test_a_call_that_is_not_the_providers_does_nothing(payment: Payment, trick: dict[str, Any], code: str) -> None:
    answer = call(event(payment), **trick)

    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (401, "application/problem+json", code)
    assert answer["WWW-Authenticate"]
    assert (state(payment), ReceivedEvent.objects.count()) == (UNPAID, 0)


def test_without_a_secret_nobody_is_believed(payment: Payment, settings: Any) -> None:
    settings.WEBHOOK_SECRETS = []

    assert call(event(payment)).status_code == 401
    assert state(payment) == UNPAID


def test_either_secret_is_good_while_one_replaces_the_other(payment: Payment) -> None:
    assert call(event(payment), secret=NEXT_SECRET).json() == {"outcome": "paid"}


@pytest.mark.parametrize("change", [{"amount": "14.69"}, {"amount": "14.71"}, {"amount": "0.01"}, {"currency": "USD"}])
def test_another_amount_does_not_pay_the_order_and_is_recorded(payment: Payment, change: dict[str, str]) -> None:
    answer = call(event(payment, **change))

    assert (answer.status_code, answer.json()) == (200, {"outcome": "wrong_amount"})
    assert state(payment) == ("placed", "refund_due", 0)
    assert ReceivedEvent.objects.get().outcome == "wrong_amount"


def test_an_unknown_payment_is_recorded_and_not_asked_for_again(payment: Payment) -> None:
    answer = call(event(payment, reference=str(uuid.uuid4())))

    assert (answer.status_code, answer.json()) == (200, {"outcome": "unknown_payment"})
    assert (state(payment), ReceivedEvent.objects.count()) == (UNPAID, 1)


def test_an_event_that_we_do_not_know_is_taken_and_does_nothing(payment: Payment) -> None:
    answer = call(b'{"type": "dispute.opened", "data": {}}')

    assert (answer.status_code, answer.json()) == (200, {"outcome": "ignored"})
    assert state(payment) == UNPAID


def test_money_for_a_cancelled_order_goes_back(payment: Payment) -> None:
    cancel_order(payment.order)

    assert call(event(payment)).json() == {"outcome": "refund_due"}
    assert state(payment) == ("cancelled", "refund_due", 0)
    assert Product.objects.get().stock == 1000


def test_a_paid_order_is_not_cancelled(payment: Payment) -> None:
    call(event(payment))

    with pytest.raises(NotCancellable):
        cancel_order(payment.order)


def test_of_two_payments_of_one_order_the_second_goes_back(payment: Payment) -> None:
    call(event(payment, "payment.failed"))
    second, _ = open_payment(payment.order)
    late = call(event(payment))  # the one that had failed has come all the same
    answer = call(event(second))

    assert (late.json(), answer.json()) == ({"outcome": "paid"}, {"outcome": "refund_due"})
    assert (state(payment), state(second)) == (PAID, ("paid", "refund_due", 1))


def test_a_failed_payment_leaves_the_order_to_be_paid(payment: Payment) -> None:
    assert call(event(payment, "payment.failed")).json() == {"outcome": "failed"}
    assert state(payment) == ("placed", "failed", 0)
    assert open_payment(payment.order)[1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"[" * 10_000, 400),
        (b"\xff\xfe", 400),
        (b'{"type": "payment.succeeded"}', 400),
        (b'{"type": "payment.succeeded", "data": []}', 400),
        (b'{"type": "\\ud800", "data": {}}', 400),
        (b"x" * 20_480, 400),
        (b"x" * 20_481, 413),
        (b"x" * 3_000_000, 413),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(payment: Payment, body: bytes, status: int) -> None:
    answer = call(body)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert (state(payment), ReceivedEvent.objects.count()) == (UNPAID, 0)


@pytest.mark.parametrize(
    "change",
    [
        *[{"reference": each} for each in ("1", None, "\x00", [])],
        *[{"amount": each} for each in ("NaN", "1e99", "14.700", None, [])],
        *[{"currency": each} for each in ("\x00", "EURO", {})],
    ],
)
def test_an_event_with_a_field_that_is_none_is_refused(payment: Payment, change: dict[str, Any]) -> None:
    assert call(event(payment, **change)).status_code == 400
    assert state(payment) == UNPAID


def test_another_content_type_is_refused(payment: Payment) -> None:
    assert call(event(payment), content_type="application/x-www-form-urlencoded").status_code == 415
    assert call(event(payment), content_type="text/xml").status_code == 415
    assert state(payment) == UNPAID


def test_no_other_method_and_no_login_opens_the_door(payment: Payment, api: APIClient) -> None:
    assert [getattr(api, method)(URL).status_code for method in ("get", "put", "patch", "delete")] == [405] * 4
    assert api.post(URL, {}, format="json").status_code == 401


def test_behind_tls_the_providers_call_is_not_redirected(payment: Payment, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")

    assert call(event(payment)).status_code == 301
    assert call(event(payment), **{"X-Forwarded-Proto": "https"}).status_code == 200  # as payment_provider/callbacks.py sends it


@pytest.mark.django_db(transaction=True)
def test_a_payment_waits_for_a_cancellation_that_is_under_way(payment: Payment) -> None:
    answers: list[Any] = []

    def pay() -> None:
        answers.append(call(event(payment)))
        connection.close()

    thread = threading.Thread(target=pay)
    with transaction.atomic():
        cancel_order(payment.order)
        thread.start()
        wait_until(lambda: somebody_waits() or not thread.is_alive(), timeout_seconds=10, what="the payment to meet the lock")
    thread.join()

    assert [answer.json() for answer in answers] == [{"outcome": "refund_due"}]
    assert state(payment) == ("cancelled", "refund_due", 0)


@pytest.mark.django_db(transaction=True)
def test_replays_that_race_have_one_effect(payment: Payment) -> None:
    body, together, answers = event(payment), threading.Barrier(8), []

    def replay() -> None:
        connection.ensure_connection()
        together.wait(10)
        answers.append(call(body, event_id="evt_1"))
        connection.close()

    threads = [threading.Thread(target=replay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(200, "paid")] * 8
    assert state(payment) == PAID


def somebody_waits() -> bool:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASE_URL")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")  # pg_stat_activity stands still inside a transaction
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("secrets_given", ["", "short", "one that is long enough to be one,short", "whsec_MTYgYnl0ZXMgb2Yga2V5IQ=="])
def test_production_refuses_a_provider_without_a_secret_and_names_it(secrets_given: str) -> None:
    environment = {"DEBUG": "0", "SECRET_KEY": "k" * 50, "PAYMENT_PROVIDER_URL": "http://provider", "WEBHOOK_SECRETS": secrets_given}
    argv = [sys.executable, "manage.py", "check"]
    done = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)

    assert done.returncode != 0
    assert "WEBHOOK_SECRETS" in done.stderr


@pytest.mark.parametrize("secrets_given", ["", "short", "whsec_MTYgYnl0ZXMgb2Yga2V5IQ=="])
def test_the_provider_refuses_a_secret_that_signs_nothing(secrets_given: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import payment_provider.app"],
        env={**os.environ, "WEBHOOK_SECRETS": secrets_given},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "WEBHOOK_SECRETS" in done.stderr.splitlines()[-1]
