"""How an order is paid: we ask the provider, and the provider's signed event tells us. Only the event says that money has come."""

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
    """The order is paid or cancelled already; or there is nothing to pay."""


@dataclass(frozen=True)
class PaymentEvent:
    """What the provider says has happened: SUCCEEDED or FAILED, to the payment that we called `reference`."""

    type: str
    reference: UUID
    amount: Decimal
    currency: str


def start_payment(order: Order) -> tuple[Payment, bool]:
    """Asks the provider for an order's total. Returns the payment, and whether it is new. Raises NotPayable, ProviderAway, ProviderRefused.

    Three steps, and no transaction open while the provider thinks. Whoever dies between them leaves an open payment, and the
    next call for this order goes on with that one, under the same key: the customer pays once.
    """
    payment, is_new = open_payment(order)
    try:
        provider_id = provider.request_payment(payment)
    except provider.ProviderRefused:
        Payment.objects.filter(pk=payment.pk, status=Payment.Status.PENDING).update(status=Payment.Status.FAILED, settled_at=timezone.now())
        raise
    # one column, not save(): the provider's event may have been here before its answer
    Payment.objects.filter(pk=payment.pk).update(provider_id=provider_id)
    payment.refresh_from_db()
    return payment, is_new


@transaction.atomic(durable=True)  # the next step is a call to others: what is not committed by then, a crash would take back
def open_payment(order: Order) -> tuple[Payment, bool]:
    """The order's open payment, and whether it is new. Raises NotPayable."""
    order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    total = order.total
    if order.status != Order.Status.PLACED or not total:
        raise NotPayable(order.status)
    return Payment.objects.get_or_create(order=order, status=Payment.Status.PENDING, defaults={"amount": total, "currency": order.currency})


def settle_payment(event: PaymentEvent, *, event_id: str) -> tuple[str, bool]:
    """Does what the event asks for, once. Returns the outcome, and whether that was now.

    paid, failed: done. refund_due: the order was cancelled or paid meanwhile. wrong_amount: not what the order asks for, so the
    money goes back too. unknown_payment; ignored: it was settled before. The order stays as it was in all cases but the first.
    """
    return ReceivedEvent.objects.process_once(source="payments", event_id=event_id, effect=lambda: _settle(event))


def _settle(event: PaymentEvent) -> str:
    # the order first, as in cancel_order: they wait for each other here, and what is read below is what was committed
    order = Order.objects.select_for_update(no_key=True, of=("self",)).filter(payments=event.reference).first()
    if order is None:
        logger.warning("an event for payment %s, which is none of ours", event.reference)
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
        logger.warning("payment %s: %s %s came for %s %s", payment.pk, event.amount, event.currency, order.total, order.currency)
        payment.settle(Payment.Status.REFUND_DUE)
        return "wrong_amount"
    if order.status != Order.Status.PLACED:
        payment.settle(Payment.Status.REFUND_DUE)
        return "refund_due"
    payment.settle(Payment.Status.SUCCEEDED)
    mark_paid(order)
    return "paid"
