"""Paying an order, with the provider as a process of its own: it is asked over HTTP, and calls back over HTTP."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from labkit.processes import answers, free_port, kill, listening, running, wait_until, web_server
from patterns.messaging.outbox.models import OutboxEvent
from shop import provider as client_side
from shop.models import Order, Payment, Product
from shop.payments import start_payment
from shop.services import cancel_order, place_order

SECRET = "a secret that the provider shares"


@contextlib.contextmanager
def provider_process(port: int, shop_url: str) -> Iterator[Any]:
    argv = web_server("payment_provider.app:application", "asgi")
    settings = {**listening(port), "WEBHOOK_SECRETS": SECRET, "SHOP_WEBHOOK_URL": f"{shop_url}/api/v1/webhooks/payments/"}
    with running(argv, **settings) as process:
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=20, what="the payment provider")
        yield process


@pytest.fixture(scope="session")
def provider_url(live_server: LiveServer) -> Iterator[str]:
    port = free_port()
    with provider_process(port, live_server.url):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def connections_closed() -> Iterator[None]:
    yield
    client_side.client().close()
    client_side._open_client.cache_clear()


@pytest.fixture
def provider(transactional_db: None, provider_url: str, live_server: LiveServer, settings: Any) -> Iterator[httpx.Client]:
    """The provider's own side: what it counted, and what trouble it shall make. It calls back at once."""
    settings.PAYMENT_PROVIDER_URL, settings.WEBHOOK_SECRETS = provider_url, [SECRET]
    with httpx.Client(base_url=provider_url, trust_env=False, timeout=20) as client:
        client.post("/stats/reset")
        client.post("/trouble", json={"delay_ms": 0})
        yield client
        client.post("/stats/reset")  # what it would still call belongs to this test's database


@pytest.fixture
def customer(db: None) -> User:
    """Without a password: hashing one takes longer than most tests here."""
    return User.objects.create(username="customer")


@pytest.fixture
def order(transactional_db: None, customer: Any, mug: Product) -> Order:
    return place_order(customer=customer, quantities={mug.sku: 3})


@pytest.fixture
def pay(api: APIClient, order: Order) -> Callable[[], Any]:
    return lambda: api.post(url(order))


def url(order: Order) -> str:
    return f"/api/v1/orders/{order.pk}/payments/"


def until(condition: Callable[[], bool]) -> None:
    wait_until(condition, timeout_seconds=20, what="the provider's call")


def status_of(order: Order) -> str:
    return Order.objects.values_list("status", flat=True).get(pk=order.pk)


def test_a_payment_is_asked_for_and_the_provider_says_when_it_is_paid(provider: Any, api: APIClient, order: Order) -> None:
    started = api.post(url(order))
    until(lambda: status_of(order) == "paid")

    assert (started.status_code, started.data["amount"], started.data["currency"]) == (201, "14.70", "EUR")
    assert api.get(started["Location"]).data["id"] == started.data["id"]
    [listed] = api.get(url(order)).data["results"]
    assert (listed["id"], listed["status"]) == (started.data["id"], "succeeded")
    assert OutboxEvent.objects.filter(routing_key="order.paid").count() == 1
    assert api.post(url(order)).status_code == 409


def test_a_payment_that_fails_can_be_tried_again(provider: Any, pay: Any, order: Order) -> None:
    order.lines.update(quantity=1, unit_price="0.13")
    pay()
    until(lambda: Payment.objects.get().status == "failed")
    order.lines.update(unit_price="0.14")
    again = pay()
    until(lambda: status_of(order) == "paid")

    assert again.status_code == 201
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["failed", "succeeded"]


def test_who_asks_again_pays_once(provider: Any, pay: Any) -> None:
    provider.post("/trouble", json={"callback": "none"})
    answers = [pay() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.data["id"] for answer in answers}) == Payment.objects.count() == 1
    assert provider.get("/stats").json()["payments"] == 1


def test_two_who_ask_at_once_pay_once(provider: Any, order: Order, customer: User) -> None:
    provider.post("/trouble", json={"callback": "none"})
    together, told = threading.Barrier(2), []

    def ask() -> None:
        api = APIClient()
        api.force_authenticate(customer)
        connection.ensure_connection()
        together.wait(10)
        told.append(api.post(url(order)).status_code)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == [200, 201]
    assert (Payment.objects.count(), provider.get("/stats").json()["payments"]) == (1, 1)


def test_an_event_that_is_sent_twice_counts_once(provider: Any, pay: Any, order: Order) -> None:
    provider.post("/trouble", json={"callback": "duplicate"})
    pay()
    until(lambda: provider.get("/stats").json()["attempts"] == 2 and provider.get("/stats").json()["pending"] == 0)

    assert status_of(order) == "paid"
    assert OutboxEvent.objects.filter(routing_key="order.paid").count() == 1


@pytest.mark.parametrize("trick", ["forged", "stale", "altered"])
def test_a_call_that_proves_nothing_pays_nothing(provider: Any, pay: Any, order: Order, trick: str) -> None:
    provider.post("/trouble", json={"callback": trick})
    pay()
    until(lambda: provider.get("/stats").json()["refused"] > 0)

    assert (status_of(order), Payment.objects.get().status) == ("placed", "pending")


def test_a_signed_event_with_too_little_money_pays_nothing(provider: Any, pay: Any, order: Order) -> None:
    provider.post("/trouble", json={"callback": "underpaid"})
    pay()
    until(lambda: provider.get("/stats").json()["delivered"] == 1)

    assert (status_of(order), Payment.objects.get().status) == ("placed", "refund_due")


def test_an_order_cancelled_before_the_event_comes_stays_cancelled(provider: Any, pay: Any, order: Order) -> None:
    provider.post("/trouble", json={"delay_ms": 500})
    pay()
    cancel_order(order)
    until(lambda: Payment.objects.get().status == "refund_due")

    assert status_of(order) == "cancelled"


@pytest.mark.parametrize("answer", ["error", "hang", "trickle", "malformed", "lost"])
def test_a_provider_that_does_not_answer_is_a_503_and_the_payment_is_repeated(provider: Any, pay: Any, order: Order, answer: str) -> None:
    provider.post("/trouble", json={"answer": answer, "callback": "none"})
    refused = pay()
    read_to_the_end = provider.get("/stats").json()["pieces"] == 599
    provider.post("/trouble", json={"answer": "ok"})
    again = pay()

    assert (refused.status_code, refused.data["code"], refused["Retry-After"]) == (503, "payments_unavailable", "5")
    assert not read_to_the_end  # of a trickle
    assert (again.status_code, Payment.objects.count(), provider.get("/stats").json()["payments"]) == (200, 1, 1)


@pytest.mark.parametrize("answer", ["error", "lost", "hang"])
def test_one_answer_that_does_not_come_is_asked_for_again(provider: Any, pay: Any, answer: str) -> None:
    provider.post("/trouble", json={"answer": answer, "times": 1, "callback": "none"})

    assert pay().status_code == 201
    assert (provider.get("/stats").json()["calls"], provider.get("/stats").json()["payments"]) == (2, 1)


def test_a_payment_that_the_provider_refuses_is_over(provider: Any, pay: Any) -> None:
    provider.post("/trouble", json={"answer": "refuse"})
    refused = pay()
    provider.post("/trouble", json={"answer": "ok", "callback": "none"})
    again = pay()

    assert (refused.status_code, refused.data["code"], again.status_code) == (502, "payment_refused", 201)
    assert sorted(Payment.objects.values_list("status", flat=True)) == ["failed", "pending"]


@pytest.mark.slow
def test_a_provider_that_was_killed_and_comes_back_is_paid_with_the_same_payment(
    order: Order, pay: Any, live_server: LiveServer, settings: Any
) -> None:
    port = free_port()
    settings.PAYMENT_PROVIDER_URL, settings.WEBHOOK_SECRETS = f"http://127.0.0.1:{port}", [SECRET]
    with provider_process(port, live_server.url) as process:
        kill(process)
        process.wait()
        away = pay()
    with provider_process(port, live_server.url):
        back = pay()
        until(lambda: status_of(order) == "paid")

    assert (away.status_code, back.status_code, Payment.objects.count()) == (503, 200, 1)


def test_a_process_that_dies_after_the_providers_answer_loses_nothing(
    provider: Any, pay: Any, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered_and_died(payment: Payment) -> str:
        ask(payment)
        raise KeyboardInterrupt

    ask = client_side.request_payment
    provider.post("/trouble", json={"callback": "none"})
    monkeypatch.setattr(client_side, "request_payment", answered_and_died)
    with pytest.raises(KeyboardInterrupt):
        start_payment(order)
    monkeypatch.undo()

    assert Payment.objects.get().provider_id == ""
    assert pay().status_code == 200
    assert provider.get("/stats").json()["payments"] == 1
    assert Payment.objects.get().provider_id.startswith("pay_")


def test_the_event_may_be_here_before_the_providers_answer(provider: Any, pay: Any, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(payment: Payment) -> str:
        provider_id = ask(payment)
        until(lambda: status_of(order) == "paid")
        return provider_id

    ask = client_side.request_payment
    monkeypatch.setattr(client_side, "request_payment", slow)

    assert pay().data["status"] == "succeeded"
    assert Payment.objects.get().status == "succeeded"


def test_no_transaction_is_open_while_the_provider_thinks(provider: Any, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    open_meanwhile = []
    monkeypatch.setattr(client_side, "request_payment", lambda payment: open_meanwhile.append(connection.in_atomic_block) or "pay_1")
    start_payment(order)

    assert open_meanwhile == [False]
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        start_payment(order)


def test_without_a_provider_there_are_no_payments(pay: Any, settings: Any) -> None:
    settings.PAYMENT_PROVIDER_URL = ""
    answer = pay()

    assert (answer.status_code, answer.data["code"]) == (503, "payments_not_configured")
    assert "PAYMENT_PROVIDER_URL" in answer.data["detail"]
    assert not Payment.objects.exists()


def test_an_order_that_is_not_to_be_paid_is_a_conflict(pay: Any, order: Order, settings: Any) -> None:
    settings.PAYMENT_PROVIDER_URL = "http://127.0.0.1:9"
    order.lines.update(unit_price="0.00")
    free = pay()
    cancel_order(order)

    assert (free.status_code, pay().status_code) == (409, 409)
    assert not Payment.objects.exists()


@pytest.mark.parametrize(("role", "get", "post"), [({}, 404, 404), ({"is_staff": True}, 200, 404), (None, 401, 401)])
def test_other_peoples_payments_are_not_found(pay: Any, order: Order, settings: Any, role: Any, get: int, post: int) -> None:
    settings.PAYMENT_PROVIDER_URL = "http://127.0.0.1:9"
    other = APIClient()
    if role is not None:
        other.force_authenticate(User.objects.create_user("other", **role))

    assert (other.get(url(order)).status_code, other.post(url(order)).status_code) == (get, post)
    assert not Payment.objects.exists()
    payment = Payment.objects.create(order=order, amount="1.00", currency="EUR")
    assert other.get(f"{url(order)}{payment.pk}/").status_code == get
