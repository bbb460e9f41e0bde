"""What the Celery worker does."""

import logging

from celery import shared_task
from django.utils import timezone

from fulfilment.models import Order
from patterns.reliable_task import ReliableTask

logger = logging.getLogger(__name__)


# an order that is not there will not come: its event was published when it was
@shared_task(base=ReliableTask, dont_autoretry_for=(Order.DoesNotExist,))
def fulfil_order(order_id: str) -> None:
    """May run any number of times, also at once: the order is fulfilled once. An unknown order ends in the dead letters."""
    order = Order.objects.get(pk=order_id)
    logger.info("order %s: %s", order_id, "fulfilled" if order.fulfil(at=timezone.now()) else "was fulfilled already")
