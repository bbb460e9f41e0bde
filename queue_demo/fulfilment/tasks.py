"""What the Celery worker does."""

import logging

from celery import shared_task
from django.utils import timezone

from fulfilment.models import Order

logger = logging.getLogger(__name__)


@shared_task
def fulfil_order(order_id: str) -> None:
    """May run any number of times, also at once: the order is fulfilled once. An unknown order ends in the dead letters."""
    order = Order.objects.get(pk=order_id)
    logger.info("order %s: %s", order_id, "fulfilled" if order.fulfil(at=timezone.now()) else "was fulfilled already")
