import json
from typing import Any

import pytest

from fulfilment.messaging.events import MAX_EVENT_BYTES, Malformed, parse_order_event

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "11111111-1111-1111-1111-111111111111",
    "source": "/fulfilment",
    "type": "order.placed",
    "data": {"order_id": "22222222-2222-2222-2222-222222222222"},
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
