"""The books: what came in must be what was done, plus what was given up, plus what is on its way. Counted from rows and letters each
time somebody asks; a counter beside them could drift.

    outbox_published + accepted = fulfilled + stopped + dead_lettered + in_flight

In flight is what is left over: while the queues are empty and it is not 0, something was lost.
"""

from collections.abc import Iterable
from typing import TypedDict

from django.db.models import Count, F, Sum

from fulfilment.event_types import ORDER_PAID, ORDER_PLACED
from fulfilment.messaging.letters import order_id
from fulfilment.models import Email, Order, OrderEvent, OrderLine, Product, Step
from patterns.messaging.dead_letters import DeadLetter
from patterns.messaging.outbox.models import OutboxEvent


class Entries(TypedDict):
    orders: int
    accepted: int
    outbox_pending: int
    outbox_published: int
    fulfilled: int
    stopped: int
    dead_lettered: int | None
    in_flight: int | None
    emails_due: int
    emails_sent: int
    emails_dead_lettered: int | None
    dead_letters: int | None
    orders_without_event: int
    pieces_missing: int
    balanced: bool | None


def read(letters: Iterable[DeadLetter] | None) -> Entries:
    """`letters` are all dead letters; None while the broker is away: what depends on them is None then, too."""
    orders = Order.objects.aggregate(orders=Count("pk"), fulfilled=Count("fulfilled_at"), stopped=Count("stopped_at"))
    events = OrderEvent.objects.filter(name=ORDER_PLACED).aggregate(events=Count("pk"), published=Count("at"))
    emails = Email.objects.aggregate(due=Count("pk"), sent=Count("sent_at"))
    accepted = OrderEvent.objects.filter(name=ORDER_PAID).exclude(order__events__name=ORDER_PLACED).count()
    pending = events["events"] - events["published"]
    entries = Entries(
        orders=orders["orders"],
        accepted=accepted,
        outbox_pending=pending,
        outbox_published=events["published"],
        fulfilled=orders["fulfilled"],
        stopped=orders["stopped"],
        dead_lettered=None,
        in_flight=None,
        emails_due=emails["due"],
        emails_sent=emails["sent"],
        emails_dead_lettered=None,
        dead_letters=None,
        orders_without_event=orders_without_event(),
        pieces_missing=pieces_missing(),
        balanced=None,
    )
    if letters is None:
        return entries
    letters = list(letters)
    about = Order.objects.filter(pk__in={found for letter in letters if (found := order_id(letter))})
    dead = about.filter(fulfilled_at=None, stopped_at=None).count()
    mails = about.filter(mail__sent_at=None, mail__isnull=False).count()
    # an event may be worked on before its relay has marked it as published: such an order is counted as pending and as done
    in_flight = max(orders["orders"] - pending - orders["fulfilled"] - orders["stopped"] - dead, 0)
    rest = (pending, in_flight, emails["due"] - emails["sent"] - mails, entries["orders_without_event"], entries["pieces_missing"])
    entries["dead_lettered"], entries["in_flight"] = dead, in_flight
    entries["emails_dead_lettered"], entries["dead_letters"] = mails, len(letters)
    entries["balanced"] = not any(rest)
    return entries


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
