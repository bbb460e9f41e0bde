"""Finds orders that no process works on, and sends their tasks again. Tasks are idempotent, so one too many is harmless."""

import contextlib
import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from fulfilment import services
from fulfilment.messaging import letters, topology, tracing
from fulfilment.tasks import email_invoice, fulfil_order

logger = logging.getLogger(__name__)


def reconcile(age: timedelta | None = None) -> int:
    """Returns how many orders were sent again. Raises pika's and Celery's errors while the broker is not available."""
    with contextlib.closing(letters.connect(topology.broker_url())) as connection:
        named = {letters.order_id(letter) for _, letter in letters.read(connection)} - {None}
    age = age or timedelta(seconds=settings.RECONCILE_AFTER_SECONDS)
    overdue = services.take_overdue_orders(now=timezone.now(), age=age, but=named)
    for order in overdue:
        with tracing.request(order.request_id):
            (email_invoice if order.fulfilled_at else fulfil_order).apply_async([str(order.pk)])
            logger.warning("order %s: sent again, open for more than %s", order.pk, age)
    return len(overdue)
