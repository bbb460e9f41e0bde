"""The types of the events that this service sends and understands; also their routing keys."""

ORDER_PLACED = "order.placed"
ORDER_PAID = "order.paid"
