"""The events that this service sends and reads: CloudEvents 1.0 in JSON (cloudevents.io)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fulfilment import order_lines
from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from fulfilment.models import Order
from patterns.http import strict_json
from patterns.http.request_id import WELL_FORMED

SOURCE = "/fulfilment"
MAX_SOURCE_CHARACTERS = 200
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
        raise Malformed(f"the event has {len(body)} bytes; the maximum is {MAX_EVENT_BYTES}")
    try:
        event = strict_json.loads(body)
        if event["specversion"] != "1.0" or event["type"] not in (ORDER_PLACED, ORDER_PAID):
            raise Malformed(f"unknown event: type {event['type']!r:.40}, specversion {event['specversion']!r:.20}")
        if not isinstance(event["source"], str) or not 1 <= len(event["source"]) <= MAX_SOURCE_CHARACTERS:
            raise Malformed(f"the source must be a string of 1 to {MAX_SOURCE_CHARACTERS} characters")
        return OrderEvent(
            event_id=uuid.UUID(event["id"]),
            type=event["type"],
            order_id=uuid.UUID(event["data"]["order_id"]),
            correlation_id=correlation_id(event.get("correlationid")),
            source=event["source"],
            quantities=order_lines.quantities(event["data"]["lines"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:100]) from error


def correlation_id(given: object) -> str:
    """Goes into logs: what could break a line of one is no id."""
    return given if isinstance(given, str) and WELL_FORMED.fullmatch(given) else ""
