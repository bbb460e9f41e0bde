import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from fulfilment.messaging.events import MAX_EVENT_BYTES, Malformed, parse_order_event
from fulfilment.models import Product

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "11111111-1111-1111-1111-111111111111",
    "source": "/fulfilment",
    "type": "order.placed",
    "data": {"order_id": "22222222-2222-2222-2222-222222222222", "lines": [{"sku": "SKU-000001", "quantity": 1}]},
}


def test_an_event_of_another_producer_needs_no_more_than_this() -> None:
    assert str(parse_order_event(json.dumps(GOOD).encode()).order_id) == GOOD["data"]["order_id"]


@pytest.mark.parametrize("given", ["two\nlines", "x" * 129, "", 5, None, ["a"]])
def test_an_id_that_could_break_a_line_of_the_log_is_none(given: Any) -> None:
    assert parse_order_event(json.dumps(GOOD | {"correlationid": "request-1"}).encode()).correlation_id == "request-1"
    assert parse_order_event(json.dumps(GOOD | {"correlationid": given}).encode()).correlation_id == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\x80\x04K\x01.",  # a pickle
        b"\xff\xfe",
        b"[" * 50_000,
        json.dumps({**GOOD, "specversion": "2.0"}).encode(),
        json.dumps({**GOOD, "type": "order.cancelled"}).encode(),
        json.dumps({**GOOD, "data": {**GOOD["data"], "lines": [{"sku": "a\x00", "quantity": 1}]}}).encode(),
        json.dumps({**GOOD, "data": {**GOOD["data"], "lines": [{"sku": "a", "quantity": 0}]}}).encode(),
        json.dumps({**GOOD, "data": {**GOOD["data"], "lines": [{"sku": "a", "quantity": "1"}]}}).encode(),
        json.dumps({**GOOD, "data": {**GOOD["data"], "lines": 5}}).encode(),
        json.dumps({**GOOD, "data": {"order_id": GOOD["data"]["order_id"]}}).encode(),
        json.dumps(GOOD).encode("utf-16"),
        json.dumps(GOOD).encode().replace(b'"quantity"', b'"quantity": 2, "quantity"'),
        json.dumps({**GOOD, "source": ["/fulfilment"]}).encode(),
        json.dumps({**GOOD, "type": ["order.paid"]}).encode(),
        json.dumps({**GOOD, "id": 1}).encode(),
        json.dumps({key: value for key, value in GOOD.items() if key != "source"}).encode(),
        json.dumps({**GOOD, "data": None}).encode(),
        json.dumps({**GOOD, "data": {"order_id": ["x"]}}).encode(),
        json.dumps({**GOOD, "padding": "x" * MAX_EVENT_BYTES}).encode(),
    ],
)
def test_what_is_not_understood_is_malformed_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_order_event(body)


LINE = {"sku": "SKU-000001", "quantity": 1}
INVALID: list[Any] = [
    [],
    None,
    5,
    "text",
    {},
    [LINE, LINE],  # twice
    [LINE, LINE | {"quantity": 2}],
    *([LINE | {"quantity": wrong}] for wrong in (True, 0, -1, 1001, 1.0, "1", None, [1])),
    *([LINE | {"sku": wrong}] for wrong in ("", " ", " SKU-000001", "SKU-000001\n", "x" * 33, 5, None, ["SKU-000001"])),
    [{"sku": "SKU-000001"}],
    [{"quantity": 1}],
    [LINE, None],
    [{"sku": f"SKU-{number:06d}", "quantity": 1} for number in range(101)],
]


@pytest.mark.parametrize("lines", INVALID, ids=lambda lines: json.dumps(lines)[:60])
def test_what_the_endpoint_refuses_is_malformed_on_the_bus_too(api: APIClient, mug: Product, lines: Any) -> None:
    with pytest.raises(Malformed):
        parse_order_event(json.dumps(GOOD | {"type": "order.paid", "data": GOOD["data"] | {"lines": lines}}).encode())
    assert api.post("/orders/", {"lines": lines}, format="json").status_code == 400


def test_what_the_endpoint_takes_is_understood_on_the_bus_too(api: APIClient, mug: Product) -> None:
    event = parse_order_event(json.dumps(GOOD | {"data": GOOD["data"] | {"lines": [LINE | {"unit_price": "6.90"}]}}).encode())

    assert event.quantities == {"SKU-000001": 1}
    assert api.post("/orders/", {"lines": [LINE | {"unit_price": "6.90"}]}, format="json").status_code == 202
