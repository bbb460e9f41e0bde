"""What fulfilment does. Each function is one transaction."""

from collections.abc import Mapping

from django.db import transaction

from fulfilment import events
from fulfilment.models import Order
from patterns.inbox.models import Inbox
from patterns.outbox.models import OutboxEvent


@transaction.atomic
def place_order(*, quantities: Mapping[str, int], correlation_id: str) -> Order:
    """Saves the order and, with it, the event that tells of it. The broker is not asked. Raises UnknownProduct."""
    order = Order.objects.place(quantities)
    event = events.order_placed(order, quantities, correlation_id=correlation_id)
    OutboxEvent.objects.append(event_id=event["id"], aggregate=order.aggregate, routing_key=event["type"], payload=event)
    return order


@transaction.atomic
def accept_paid_order(*, event: events.OrderEvent) -> bool:
    """Another service's order, which has been paid, becomes one of ours, under its id. True for the delivery that did it.

    Raises UnknownProduct.
    """
    if not Inbox.objects.new(consumer="accept_paid_order", message_ids=[str(event.event_id)]):
        return False
    Order.objects.place(event.quantities, order_id=event.order_id)
    return True
