"""The event types that this service sends and reads. They are also the routing keys."""

ORDER_PLACED = "order.placed"
ORDER_PAID = "order.paid"
