"""The steps of fulfilment. Each function is one transaction and idempotent."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from fulfilment import invoices, mail
from fulfilment.messaging import events
from fulfilment.models import Email, Invoice, Order, OrderEvent, OutOfStock, Product, Restock, ShippingLabel, Step
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.once_per_period.models import Period
from patterns.messaging.outbox.models import OutboxEvent

RESTOCK_BELOW, RESTOCK_TO = 100, 1000  # pieces


@transaction.atomic
def place_order(*, quantities: Mapping[str, int], correlation_id: str, email: str = "") -> Order:
    """Saves the order and, with it, the event that tells of it. The broker is not asked. Raises UnknownProduct."""
    fields = {"request_id": correlation_id} | ({"email": email} if email else {})
    order = Order.objects.place(quantities, fields=fields)
    event = events.order_placed(order, quantities, correlation_id=correlation_id)
    OutboxEvent.objects.append(event_id=event["id"], aggregate=order.aggregate, routing_key=event["type"], payload=event)
    order.events.create(name=event["type"], event_id=event["id"])
    return order


@transaction.atomic
def accept_paid_order(*, event: events.OrderEvent) -> bool:
    """Another service's order, which has been paid, becomes one of ours, under its id. True for the delivery that did it.

    Raises UnknownProduct.
    """
    if not Inbox.objects.new(consumer="accept_paid_order", message_ids=[str(event.event_id)]):
        return False
    order = Order.objects.place(event.quantities, order_id=event.order_id, fields={"request_id": event.correlation_id})
    accepted = {"event_id": event.event_id, "at": timezone.now()}
    order.events.get_or_create(name=event.type, defaults=accepted)  # a second event may name it
    return True


@transaction.atomic
def book_stock(*, order_id: Any) -> bool:
    """Takes the order's pieces from the stock, all or none. False: there are not enough, and the order ends here."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.stopped_at or order.has(Step.STOCK_BOOKED):
        return order.stopped_at is None
    try:
        Product.objects.take(order.lines.all())
    except OutOfStock as error:
        order.stopped_at = timezone.now()
        order.save(update_fields=["stopped_at"])
        order.steps.create(name=Step.OUT_OF_STOCK, detail=str(error))
        return False
    order.steps.create(name=Step.STOCK_BOOKED)
    return True


@transaction.atomic
def write_invoice(*, order_id: Any) -> bool:
    """Writes the invoice, and notes that a mail with it is due. True for the one call that did it."""
    order = Order.objects.select_for_update().get(pk=order_id)  # until the commit: see ship_when_ready
    if order.has(Step.INVOICE_WRITTEN):
        return False
    invoice = Invoice.objects.create(order=order, pdf=b"")
    invoice.pdf = invoices.render(order, invoice)
    invoice.save(update_fields=["pdf"])
    Email.objects.create(order=order)
    order.steps.create(name=Step.INVOICE_WRITTEN, detail=invoice.number)
    order.ship_when_ready(at=timezone.now())
    return True


@transaction.atomic
def print_label(*, order_id: Any) -> bool:
    """True for the one call that did it. The carrier would give the number; here the order does, so that it is the same each time."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.has(Step.LABEL_PRINTED):
        return False
    label = ShippingLabel.objects.create(order=order, tracking_number=f"NX{order.pk.int % 10**16:016d}")
    order.steps.create(name=Step.LABEL_PRINTED, detail=label.tracking_number)
    order.ship_when_ready(at=timezone.now())
    return True


@transaction.atomic
def email_invoice(*, order_id: Any) -> bool:
    """True for the one call that sent it. Raises mail.MailServerUnavailable and mail.MailRefused.

    Killed between the server's answer and the commit, it will send a second mail, with the same Message-ID.
    """
    # who comes at the same time waits, and finds it sent; the order itself is not locked: a slow mail server holds up mails only
    email = Email.objects.select_for_update(of=("self",)).select_related("order__invoice").get(order_id=order_id)
    if email.sent_at:
        return False
    mail.send(email.order, email, email.order.invoice)
    email.sent_at = timezone.now()
    email.save(update_fields=["sent_at"])
    email.order.steps.create(name=Step.EMAIL_SENT)
    return True


@transaction.atomic
def restock(*, now: datetime, every: timedelta) -> Restock | None:
    """Orders what runs low, and reports it; None when this period's report is written. Our supplier delivers at once."""
    if not Period.objects.claim(name="restock", now=now, length=every):
        return None
    low = Product.objects.select_for_update().filter(stock__lt=RESTOCK_BELOW).order_by("pk")
    report = Restock.objects.create(ordered_at=now, pieces={product.sku: RESTOCK_TO - product.stock for product in low})
    Product.objects.receive(report.pieces)
    return report


@transaction.atomic
def take_overdue_orders(*, now: datetime, age: timedelta, but: Collection[Any], limit: int = 1_000) -> list[Order]:
    """Open orders, and mails that are due, of which nothing has come for `age`; each is noted as sent again.

    `but` are the orders that a dead letter names: a person decides. An order is taken again after twice the time, then four
    times and so on: it may be waiting in a long queue.
    """
    late = Order.objects.unfinished().filter(placed_at__lt=now - age).exclude(pk__in=but)
    waiting = OutboxEvent.objects.waiting().values("event_id")  # the relay has them
    late = late.exclude(pk__in=OrderEvent.objects.filter(event_id__in=waiting).values("order"))
    taken: list[Order] = []
    for order in late.order_by("placed_at").prefetch_related("steps").iterator(chunk_size=500):
        before = next((step for step in order.steps.all() if step.name == Step.SENT_AGAIN), None)
        times = int(before.detail) if before else 0
        if before is None or before.at < now - age * 2**times:
            Step.objects.update_or_create(order=order, name=Step.SENT_AGAIN, defaults={"at": now, "detail": str(times + 1)})
            taken.append(order)
            if len(taken) == limit:
                break
    return taken
