import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from fulfilment.messaging import events
from fulfilment.models import Order, Product
from patterns.messaging.outbox.models import OutboxEvent

ONE_MUG = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}


def place(api: APIClient, body: Any = ONE_MUG, **headers: str) -> Any:
    return api.post("/orders/", body, format="json", headers=headers)


def test_an_order_is_accepted_with_its_event_and_without_a_broker(api: APIClient, mug: Product, settings: Any) -> None:
    settings.RABBITMQ_URL = ""
    accepted = place(api, **{"X-Request-ID": "request-1"})

    assert accepted.status_code == 202
    assert accepted.data["status"] == "placed"
    assert api.get(accepted["Location"]).data["id"] == accepted.data["id"]
    books = api.get("/ledger/").data
    assert (books["orders"], books["outbox_pending"], books["balanced"]) == (1, 1, None)
    assert [order["id"] for order in api.get("/orders/").data] == [accepted.data["id"]]


def test_an_event_is_a_cloudevent_and_is_understood_by_its_consumer(api: APIClient, mug: Product) -> None:
    order_id = place(api, {"lines": [{"sku": mug.sku, "quantity": 3}]}, **{"X-Request-ID": "request-1"}).data["id"]

    [row] = OutboxEvent.objects.all()
    event = row.payload
    assert (event["specversion"], event["source"], event["type"]) == ("1.0", "/fulfilment", row.routing_key)
    assert event["id"] == str(row.event_id)
    assert event["subject"] == row.aggregate == f"order/{order_id}"
    assert event["correlationid"] == "request-1"
    assert event["data"] == {"order_id": order_id, "lines": [{"sku": mug.sku, "quantity": 3}]}
    assert str(events.parse_order_event(json.dumps(event).encode()).order_id) == order_id


@pytest.mark.parametrize("given", ["", "x" * 129, "two\nlines", "ünicode"])
def test_a_request_id_that_is_not_fit_for_a_log_is_replaced(api: APIClient, mug: Product, given: str) -> None:
    place(api, **{"X-Request-ID": given})

    assert OutboxEvent.objects.get().payload["correlationid"] not in ("", given)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": "text"},
        {"lines": [{"sku": "SKU-000001", "quantity": 0}]},
        {"lines": [{"sku": "SKU-000001", "quantity": 1001}]},
        {"lines": [{"sku": "SKU-000001", "quantity": 1}] * 2},
        {"lines": [{"sku": f"SKU-{number:06d}", "quantity": 1} for number in range(101)]},
        {"lines": [{"sku": "NO-SUCH", "quantity": 1}]},
        {"lines": [{"sku": "SKU-\x00", "quantity": 1}]},
        {"lines": [{"sku": "\ud800", "quantity": 1}]},
        [],
        "text",
        None,
    ],
)
def test_a_malformed_order_is_refused_and_leaves_nothing(api: APIClient, mug: Product, body: Any) -> None:
    answer = api.post("/orders/", json.dumps(body), content_type="application/json")

    assert answer.status_code == 400
    assert not Order.objects.exists()
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"NaN",
        b'{"lines": [{"sku": "SKU-000001", "quantity": 1e400}]}',
        b'{"lines": [{"sku": "SKU-000001", "quantity": ' + b"9" * 6_000 + b"}]}",
        b"[" * 1_000_000,
        b'{"a":' * 10_000,
        b'{"lines": "' + b"x" * 3_000_000 + b'"}',
    ],
    ids=lambda body: f"{body[:12]!r} {len(body)}",
)
def test_a_malformed_order_is_refused_as_the_clients_error(api: APIClient, mug: Product, body: bytes) -> None:
    status = 413 if len(body) > 1_000_000 else 400

    assert api.post("/orders/", body, content_type="application/json").status_code == status


def test_other_content_types_unknown_orders_and_other_verbs_are_refused(api: APIClient, mug: Product) -> None:
    assert api.post("/orders/", "lines=1", content_type="application/x-www-form-urlencoded").status_code == 415
    assert api.get("/orders/00000000-0000-0000-0000-000000000000/").status_code == 404
    assert api.get("/orders/1/").status_code == 404
    assert api.delete("/orders/").status_code == 405


def test_an_order_in_two_currencies_is_refused(api: APIClient, mug: Product) -> None:
    Product.objects.create(sku="SKU-000002", name="Lamp", price="19.90", currency="USD")
    lines = [{"sku": "SKU-000001", "quantity": 1}, {"sku": "SKU-000002", "quantity": 1}]
    mixed = place(api, {"lines": lines})
    one = place(api, {"lines": lines[1:]})

    assert mixed.status_code == 400
    assert one.status_code == 202
    assert [order.currency for order in Order.objects.all()] == ["USD"]
