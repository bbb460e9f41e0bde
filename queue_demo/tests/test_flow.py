"""The whole way, with every process as it runs in production: request, outbox, relay, broker, consumer, Celery worker, mail server."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from fulfilment.models import Order, Product, Restock
from labkit.processes import kill, wait_until
from patterns.messaging.outbox.models import OutboxEvent
from tests.conftest import Broker
from tests.processes import Service, service

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = {"placed", "order.placed published", "stock booked", "invoice written", "label printed", "email sent", "shipped"}


@pytest.fixture
def shop(broker: Broker, tmp_path: Path, db: None) -> Iterator[Service]:
    with service(broker, tmp_path, "carry", "worker") as shop:
        yield shop


APART = ("relay", "consumer", "worker")


def place(api: APIClient, mug: Product, quantity: int = 1, **fields: str) -> str:
    return str(api.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": quantity}], **fields}, format="json")["Location"])


def steps(api: APIClient, location: str) -> dict[str, str]:
    """The timeline: each step, and its detail."""
    return {step["step"]: step["detail"] for step in api.get(location).data["timeline"]}


def test_a_posted_order_is_fulfilled_once_however_often_its_event_is_delivered(
    broker: Broker, api: APIClient, mug: Product, tmp_path: Path
) -> None:
    with service(broker, tmp_path, *APART) as shop:
        deliver_again_and_again(broker, api, mug, shop)


def deliver_again_and_again(broker: Broker, api: APIClient, mug: Product, shop: Service) -> None:
    location = place(api, mug, quantity=2)
    wait_until(lambda: set(steps(api, location)) == WHOLE, timeout_seconds=20, what="the order")
    first = Order.objects.get()
    timeline = steps(api, location)

    [event] = OutboxEvent.objects.all()
    poison = [b"not json", b"\x80\x04K\x01.", json.dumps({**event.payload, "specversion": "2.0"}).encode(), b"x" * 5_000_000]
    ghost = json.dumps({**event.payload, "data": {**event.payload["data"], "order_id": str(uuid4())}}).encode()
    for body in [*poison, ghost, json.dumps(event.payload).encode()]:
        broker.channel.basic_publish(broker.exchange, "order.placed", body)
    for what in ("invoice", "label", "email"):
        wait_until(lambda what=what: f"{what} already done" in shop.log("worker"), timeout_seconds=20, what=what)  # type: ignore[misc]
    wait_until(lambda: broker.count(f"{broker.prefix}.orders.dead") == len(poison), timeout_seconds=5, what="dead letters")
    reasons = broker.reasons(f"{broker.prefix}.orders.dead")
    assert [reason.partition("(")[0] for reason in reasons] == ["Hopeless"] * len(poison)  # at once, not after many tries
    wait_until(lambda: broker.count(f"{broker.prefix}.tasks.dead") == 1, timeout_seconds=5, what="the ghost's dead letter")

    stays_alive_and_stops(shop, *APART)

    assert Order.objects.get().fulfilled_at == first.fulfilled_at
    assert steps(api, location) == timeline
    assert [mail["message_id"] for mail in shop.mails()] == [f"<invoice.{first.pk}@shop.example>"]
    assert shop.mails()[0]["attachments"][0]["name"] == f"{timeline['invoice written']}.pdf"
    books = shop.get("/ledger/")
    assert {name: count for name, count in books.items() if count} == {
        **{"orders": 1, "outbox_published": 1, "fulfilled": 1, "emails_due": 1, "emails_sent": 1},
        **{"dead_letters": 1, "balanced": True},  # the ghost's
    }
    mug.refresh_from_db()
    assert mug.stock == mug.received - 2


def stays_alive_and_stops(shop: Service, *names: str) -> None:
    seen_at = {name: (shop.folder / name).stat().st_mtime_ns for name in names}
    wait_until(
        lambda: all((shop.folder / name).stat().st_mtime_ns > seen_at[name] for name in names),
        timeout_seconds=5,
        what="every process to show that it is alive",
    )
    for name in names:
        kill(shop.processes[name], signal.SIGTERM)
    assert [shop.processes[name].wait(timeout=10) for name in names] == [0] * len(names)


@pytest.mark.slow
def test_mails_wait_for_the_mail_server_and_parcels_do_not(broker: Broker, api: APIClient, mug: Product, shop: Service) -> None:
    shop.mail_server("off")
    locations = [place(api, mug) for _ in range(3)]
    hopeless = shop.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}], "email": "nobody@x.example"}, X_Request_ID="hopeless-1")

    def all_wait(reason: str) -> bool:
        return all("shipped" in steps(api, at) and reason in steps(api, at).get("email invoice waits", "") for at in locations)

    wait_until(lambda: all_wait("ConnectionRefusedError"), timeout_seconds=20, what="parcels, and mails that wait for the port")
    shop.mail_server("trouble", {"answer": "451 Come back later"})
    shop.mail_server("on")
    wait_until(lambda: all_wait("451 Come back later"), timeout_seconds=40, what="mails that wait for the server's good will")
    assert shop.mails() == []
    shop.mail_server("trouble", {})
    wait_until(lambda: all("email sent" in steps(api, at) for at in locations), timeout_seconds=60, what="mails")

    assert len(shop.mails()) == len({mail["message_id"] for mail in shop.mails()}) == 3
    # what is refused for ever is not tried for ever
    wait_until(lambda: broker.count(f"{broker.prefix}.tasks.dead") == 1, timeout_seconds=20, what="the dead letter")
    assert steps(api, f"/orders/{hopeless['id']}/")["email invoice given up"] == "MailRefused 550 5.1.1 There is no such mailbox"
    [letter] = shop.get("/dead-letters/")
    assert letter["reason"] == "email invoice given up: MailRefused 550 5.1.1 There is no such mailbox"
    assert letter["correlation_id"] == "hopeless-1"


def test_where_did_my_request_go(api: APIClient, mug: Product, shop: Service) -> None:
    """One id is found in the log of each process that did something for the request, and on no line of another's."""
    order = shop.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, X_Request_ID="find-me")
    other = shop.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 1}]}, X_Request_ID="another")
    for each in (order, other):
        wait_until(lambda at=f"/orders/{each['id']}/": set(steps(api, at)) == WHOLE, timeout_seconds=20, what="both orders")  # type: ignore[misc]

    [event] = OutboxEvent.objects.filter(aggregate=f"order/{order['id']}")
    told = {"web": 1, "carry": 2, "worker": 4}  # lines that name the order, or its event
    for name, lines in told.items():
        about = [line for line in shop.log(name).splitlines() if order["id"] in line or str(event.event_id) in line]
        assert len(about) >= lines, name
        assert [line for line in about if json.loads(line)["request_id"] != "find-me"] == [], name
        assert not [line for line in shop.log(name).splitlines() if '"find-me"' in line and other["id"] in line], name
    traced = [json.loads(line) for line in shop.log("worker").splitlines() if '"find-me"' in line and "celery.app.trace" in line]
    succeeded = [found[1] for line in traced if (found := re.match(r"Task fulfilment\.tasks\.(\w+)\[", line["message"]))]
    assert sorted(succeeded) == ["email_invoice", "fulfil_order", "print_label", "write_invoice"]
    assert {mail["request_id"] for mail in shop.mails()} == {"find-me", "another"}
    stays_alive_and_stops(shop, "carry", "worker")


@pytest.mark.slow
def test_one_clock_too_many_does_no_harm(broker: Broker, mug: Product, tmp_path: Path) -> None:
    Product.objects.update(stock=10)
    with service(broker, tmp_path, "carry", "worker", "beat", RESTOCK_SECONDS="4") as shop:
        wait_until(lambda: shop.log("worker").count("restock: already done") >= 4, timeout_seconds=40, what="the clock too many")
        reports = list(Restock.objects.order_by("pk"))

    begins = [int(report.ordered_at.timestamp()) // 4 for report in reports]
    assert len(begins) == len(set(begins)) > 0
    assert [report.pieces for report in reports if report.pieces] == [{mug.sku: 990}]
    assert ["Sending due task restock" in shop.log(name) for name in ("carry", "beat")] == [True, True]
    assert list(Path().glob("celerybeat*")) == []  # in a container there would be no place for a file


def test_a_loop_that_ends_ends_the_process_so_that_all_are_started_again(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.RABBITMQ_URL = "amqp://guest:guest@127.0.0.1:1/%2F"
    monkeypatch.setattr("patterns.messaging.graceful_shutdown.signal.signal", lambda *_: None)
    for name in ("relay", "consumer"):
        monkeypatch.setattr(f"fulfilment.workers.{name}.run", lambda stop, **_: stop.wait(30))
    monkeypatch.setattr("fulfilment.workers.clock.run", lambda **_: None)

    with pytest.raises(CommandError, match="the clock thread has ended"):
        call_command("carry")
