"""The events of this service, as CloudEvents 1.0 in JSON (cloudevents.io): what it says, and what it understands."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from fulfilment.models import Order
from patterns.http.request_id import WELL_FORMED

SOURCE = "/fulfilment"
MAX_EVENT_BYTES = 64 * 1024  # ours are below 10 KB


class Malformed(Exception):
    """Not an event that this service understands. It would not be understood the next time either."""


@dataclass(frozen=True)
class OrderEvent:
    """An order was placed or paid; `quantities` are its lines, SKU → pieces."""

    event_id: uuid.UUID
    type: str
    order_id: uuid.UUID
    correlation_id: str
    source: str
    quantities: Mapping[str, int]


def order_placed(order: Order, quantities: Mapping[str, int], *, correlation_id: str) -> dict[str, Any]:
    """`correlation_id` is the id of the request that caused it; it goes along, to find one story in many logs."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": ORDER_PLACED,
        "time": order.placed_at.isoformat(),
        "subject": order.aggregate,
        "datacontenttype": "application/json",
        "correlationid": correlation_id,
        "data": {
            "order_id": str(order.pk),
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()],
        },
    }


def parse_order_event(body: bytes) -> OrderEvent:
    """Raises Malformed, whatever the bytes are."""
    if len(body) > MAX_EVENT_BYTES:
        raise Malformed(f"{len(body)} bytes; at most {MAX_EVENT_BYTES}")
    try:
        event = json.loads(body)
        if event["specversion"] != "1.0" or event["type"] not in (ORDER_PLACED, ORDER_PAID):
            raise Malformed(f"version {event['specversion']!r:.20} of {event['type']!r:.40}")
        return OrderEvent(
            event_id=uuid.UUID(event["id"]),
            type=event["type"],
            order_id=uuid.UUID(event["data"]["order_id"]),
            correlation_id=correlation_id(event.get("correlationid")),
            source=str(event["source"])[:100],
            quantities=parse_lines(event["data"].get("lines", [])),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:100]) from error


def correlation_id(given: object) -> str:
    """Goes into logs: what could break a line of one is no id."""
    return given if isinstance(given, str) and WELL_FORMED.fullmatch(given) else ""


def parse_lines(lines: list[dict[str, Any]]) -> dict[str, int]:
    quantities = {str(line["sku"]): line["quantity"] for line in lines}
    if any("\x00" in sku or not isinstance(quantity, int) or not 0 < quantity <= 1000 for sku, quantity in quantities.items()):
        raise Malformed("a line that no order has")
    return quantities
