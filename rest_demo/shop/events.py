"""The events of this service: CloudEvents 1.0 in JSON, stored in the outbox in the transaction of the change."""

import uuid
from typing import Any

from django.utils import timezone

from patterns.http import request_id
from patterns.messaging.outbox.models import OutboxEvent
from shop.models import Order, Product


def announce_order(event: str, order: Order) -> None:
    """`event` is what happened to the order: placed, paid, cancelled."""
    lines = [{"sku": line.product.sku, "quantity": line.quantity} for line in order.lines.select_related("product")]
    data = {"order_id": str(order.pk), "lines": lines, "total": str(order.total), "currency": order.currency}
    _append(f"order.{event}", f"order:{order.pk}", data)


def announce_price(product: Product) -> None:
    data = {"sku": product.sku, "price": str(product.price), "currency": product.currency}
    _append("product.price_changed", f"product:{product.sku}", data)


def _append(kind: str, subject: str, data: dict[str, Any]) -> None:
    event_id = uuid.uuid4()
    payload = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/shop",
        "type": kind,
        "time": timezone.now().isoformat(),
        "subject": subject,
        "datacontenttype": "application/json",
        "correlationid": request_id.current.get(),  # to find one request in all logs
        "data": data,
    }
    OutboxEvent.objects.append(event_id=event_id, aggregate=subject, routing_key=kind, payload=payload)
