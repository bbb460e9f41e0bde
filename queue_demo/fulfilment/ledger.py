"""The ledger: what came in must equal what was done, what is stuck and what is in flight.

It is counted from rows and dead letters at each request; a counter could drift.

    outbox_published + accepted = fulfilled + stopped + stuck + in_flight

An order is in flight for a bounded time: one that is open for longer, or that a dead letter names, is stuck, and listed with the reason.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypedDict

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from fulfilment.messaging.letters import explained, order_id
from fulfilment.models import OPEN, UNMAILED, Email, Order, OrderEvent, OrderLine, Product, Step
from patterns.messaging.dead_letters import DeadLetter
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.reliable_task.outages import GIVEN_UP, WAITS

LISTED = 100


class StuckOrder(TypedDict):
    order: uuid.UUID
    since: datetime
    reason: str


class Entries(TypedDict):
    orders: int
    accepted: int
    outbox_pending: int
    outbox_published: int
    fulfilled: int
    stopped: int
    stuck: int
    dead_lettered: int | None
    in_flight: int | None
    emails_due: int
    emails_sent: int
    emails_dead_lettered: int | None
    dead_letters: int | None
    orders_without_event: int
    pieces_missing: int
    balanced: bool | None
    stuck_orders: list[StuckOrder]


def read(letters: Iterable[DeadLetter] | None, *, total: int | None = None, now: datetime | None = None) -> Entries:
    """`letters` are the dead letters, or the oldest of `total`; None while the broker is away: what depends on them is None then, too.

    An order that a later letter names counts as in flight until it is open for too long.
    """
    letters = None if letters is None else list(letters)
    orders = Order.objects.aggregate(orders=Count("pk"), fulfilled=Count("fulfilled_at"), stopped=Count("stopped_at"))
    events = OrderEvent.objects.filter(name=ORDER_PLACED).aggregate(events=Count("pk"), published=Count("at"))
    emails = Email.objects.aggregate(due=Count("pk"), sent=Count("sent_at"))
    accepted = OrderEvent.objects.filter(name=ORDER_PAID).exclude(order__events__name=ORDER_PLACED).count()
    pending = events["events"] - events["published"]
    by_order = {found: letter for letter in letters or [] if (found := order_id(letter))}
    dead = set(Order.objects.unfinished().filter(pk__in=list(by_order)).values_list("pk", flat=True))
    before = (now or timezone.now()) - timedelta(seconds=settings.RECONCILE_AFTER_SECONDS)
    stuck = Order.objects.unfinished().filter(Q(pk__in=dead) | Q(placed_at__lt=before))
    waiting = Q(events__name=ORDER_PLACED, events__at=None)
    stuck_on_its_way = stuck.filter(OPEN).exclude(waiting).count()
    entries = Entries(
        orders=orders["orders"],
        accepted=accepted,
        outbox_pending=pending,
        outbox_published=events["published"],
        fulfilled=orders["fulfilled"],
        stopped=orders["stopped"],
        stuck=stuck.count(),
        dead_lettered=None,
        in_flight=None,
        emails_due=emails["due"],
        emails_sent=emails["sent"],
        emails_dead_lettered=None,
        dead_letters=None,
        orders_without_event=orders_without_event(),
        pieces_missing=pieces_missing(),
        balanced=None,
        stuck_orders=list(with_reasons(stuck.order_by("placed_at")[:LISTED], by_order)),
    )
    if letters is None:
        return entries
    about = Order.objects.filter(pk__in=dead)
    # an event may be worked on before its relay has marked it as published: such an order is counted as pending and as done
    in_flight = max(orders["orders"] - pending - orders["fulfilled"] - orders["stopped"] - stuck_on_its_way, 0)
    unsent = emails["due"] - emails["sent"]
    rest = (pending, in_flight, unsent, entries["stuck"], entries["orders_without_event"], entries["pieces_missing"])
    entries["dead_lettered"], entries["in_flight"] = about.filter(OPEN).count(), in_flight
    entries["emails_dead_lettered"], entries["dead_letters"] = about.filter(UNMAILED).count(), len(letters) if total is None else total
    entries["balanced"] = not any(rest)
    return entries


def with_reasons(orders: Iterable[Order], by_order: dict[uuid.UUID, DeadLetter]) -> Iterator[StuckOrder]:
    """The dead letter's reason; or what the timeline says last; or that nothing is known."""
    orders = list(orders)
    letters = [by_order[order.pk] for order in orders if order.pk in by_order]
    reasons = {order_id(letter): f"dead letter: {letter.reason}" for _, letter in explained([("", letter) for letter in letters])}
    troubles = Q(name__endswith=f" {WAITS}") | Q(name__endswith=f" {GIVEN_UP}")
    remarks = {step.order_id: step for step in Step.objects.filter(troubles, order__in=orders).order_by("at")}
    unpublished = dict(
        OutboxEvent.objects.waiting().filter(aggregate__in=[each.aggregate for each in orders]).values_list("aggregate", "refusal")
    )
    for order in orders:
        remark = remarks.get(order.pk)
        said = f"{remark.name}: {remark.detail}" if remark else "no task has reported; the message may be lost"
        if order.aggregate in unpublished:
            said = f"its event is in the outbox: {unpublished[order.aggregate] or 'not published yet'}"
        yield StuckOrder(order=order.pk, since=order.placed_at, reason=reasons.get(order.pk, said))


def orders_without_event() -> int:
    """Orders that nothing announces: without an event, or with one that the outbox has lost.

    Only waiting rows of the outbox are read: the others may be pruned.
    """
    waiting = OutboxEvent.objects.waiting().values("event_id")
    lost = OrderEvent.objects.filter(at=None).exclude(event_id__in=waiting)
    return Order.objects.filter(events=None).count() + lost.count()


def pieces_missing() -> int:
    """Pieces that came and are neither in stock nor in a booked order. Not 0: an order was booked twice, or half."""
    stock = Product.objects.aggregate(gone=Sum(F("received") - F("stock")))["gone"] or 0
    booked = OrderLine.objects.filter(order__steps__name=Step.STOCK_BOOKED).aggregate(pieces=Sum("quantity"))["pieces"] or 0
    return int(stock - booked)
