"""Payments: the shop calls the provider, and the provider's signed event settles the payment."""

import logging
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from patterns.http.signed_webhook.models import ReceivedEvent
from shop import provider
from shop.models import Order, Payment
from shop.services import mark_paid

logger = logging.getLogger(__name__)
SUCCEEDED, FAILED = "payment.succeeded", "payment.failed"


class NotPayable(Exception):
    """The order is already paid or cancelled, or its total is zero."""


@dataclass(frozen=True)
class PaymentEvent:
    """The provider's event: SUCCEEDED or FAILED, for the payment whose id is `reference`."""

    type: str
    reference: UUID
    amount: Decimal
    currency: str


def start_payment(order: Order) -> tuple[Payment, bool]:
    """Starts a payment of the order's total. Returns the payment, and True if it is new.

    Raises NotPayable, ProviderAway, ProviderRefused. No transaction is open during the call to the provider. A process that
    dies after the first step leaves an open payment, and the next call continues it with the same key: the customer pays once.
    """
    payment, is_new = open_payment(order)
    try:
        provider_id = provider.request_payment(payment)
    except provider.ProviderRefused:
        Payment.objects.filter(pk=payment.pk, status=Payment.Status.PENDING).update(status=Payment.Status.FAILED, settled_at=timezone.now())
        raise
    # one column, not save(): the provider's event may arrive before its response
    Payment.objects.filter(pk=payment.pk).update(provider_id=provider_id)
    payment.refresh_from_db()
    return payment, is_new


@transaction.atomic(durable=True)  # the payment must be committed before the call to the provider: a crash would roll it back
def open_payment(order: Order) -> tuple[Payment, bool]:
    """Returns the order's open payment, and True if it is new. Raises NotPayable."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    total = order.total
    if order.status != Order.Status.PLACED or not total:
        raise NotPayable(order.status)
    return Payment.objects.get_or_create(order=order, status=Payment.Status.PENDING, defaults={"amount": total, "currency": order.currency})


def settle_payment(event: PaymentEvent, *, event_id: str) -> tuple[str, bool]:
    """Processes an event once. Returns the outcome, and True if it was processed now.

    paid, failed: done. refund_due: the order was cancelled or paid meanwhile. wrong_amount: the money must be refunded, too.
    unknown_payment: not ours. ignored: settled before. Only `paid` changes the order.
    """
    return ReceivedEvent.objects.process_once(source="payments", event_id=event_id, effect=lambda: _settle(event))


def _settle(event: PaymentEvent) -> str:
    # lock the order first, as cancel_order does: what is read below is committed
    order = Order.objects.select_for_update(no_key=True, of=("self",)).filter(payments=event.reference).first()
    if order is None:
        logger.warning("webhook for unknown payment %s", event.reference)
        return "unknown_payment"
    payment = order.payments.get(pk=event.reference)
    if event.type == FAILED:
        if payment.status != Payment.Status.PENDING:
            return "ignored"
        payment.settle(Payment.Status.FAILED)
        return "failed"
    if payment.status in (Payment.Status.SUCCEEDED, Payment.Status.REFUND_DUE):
        return "ignored"
    if (event.amount, event.currency) != (order.total, order.currency):
        logger.warning("payment %s: received %s %s instead of %s %s", payment.pk, event.amount, event.currency, order.total, order.currency)
        payment.settle(Payment.Status.REFUND_DUE)
        return "wrong_amount"
    if order.status != Order.Status.PLACED:
        payment.settle(Payment.Status.REFUND_DUE)
        return "refund_due"
    payment.settle(Payment.Status.SUCCEEDED)
    mark_paid(order)
    return "paid"
