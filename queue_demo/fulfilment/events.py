"""The events of this service, as CloudEvents 1.0 in JSON (cloudevents.io): what it says, and what it understands."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fulfilment.models import Order
from fulfilment.topology import ORDER_PLACED

SOURCE = "/fulfilment"
MAX_EVENT_BYTES = 64 * 1024  # ours are below 10 KB


class Malformed(Exception):
    """Not an event that this service understands. It would not be understood the next time either."""


@dataclass(frozen=True)
class OrderPlaced:
    event_id: uuid.UUID
    order_id: uuid.UUID
    correlation_id: str
    source: str


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


def parse_order_placed(body: bytes) -> OrderPlaced:
    """Raises Malformed, whatever the bytes are."""
    if len(body) > MAX_EVENT_BYTES:
        raise Malformed(f"{len(body)} bytes; at most {MAX_EVENT_BYTES}")
    try:
        event = json.loads(body)
        if (event["specversion"], event["type"]) != ("1.0", ORDER_PLACED):
            raise Malformed(f"version {event['specversion']!r:.20} of {event['type']!r:.40}")
        return OrderPlaced(
            event_id=uuid.UUID(event["id"]),
            order_id=uuid.UUID(event["data"]["order_id"]),
            correlation_id=str(event.get("correlationid", ""))[:64],
            source=str(event["source"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(f"{type(error).__name__}: {error}"[:100]) from error
