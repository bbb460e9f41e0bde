"""We sold more than we had in stock.

Two hundred buyers want one piece each, of a hundred. The naive sale reads the stock, checks it in Python and
saves the new number. All buyers who read before the others commit see the same stock, and each save()
overwrites the one before.
"""

from collections.abc import Callable

from django.db import transaction

from labkit import Counts, Experiment, at_once, count_queries
from warehouse.models import Reservation, StockItem
from warehouse.services import NotEnoughLeft, reserve

PIECES = 100
BUYERS = 200
SKU = "SKU-000001"

Sale = Callable[..., Reservation]


@transaction.atomic  # no help: each transaction reads the stock that the others have not committed yet
def naive_reserve(*, sku: str, quantity: int) -> Reservation:
    item = StockItem.objects.get(sku=sku)
    if item.available < quantity:
        raise NotEnoughLeft(f"{quantity} of {sku}")
    reservation = Reservation.objects.create(item=item, quantity=quantity)
    item.available -= quantity
    item.save()
    return reservation


@transaction.atomic
def locking_reserve(*, sku: str, quantity: int) -> Reservation:
    """The other right answer, to compare with: SELECT … FOR UPDATE. Every buyer queues for the row, also for an empty one."""
    item = StockItem.objects.select_for_update().get(sku=sku)
    if item.available < quantity:
        raise NotEnoughLeft(f"{quantity} of {sku}")
    item.available -= quantity
    item.save(update_fields=["available"])
    return Reservation.objects.create(item=item, quantity=quantity)


def naive() -> Counts:
    return sell(naive_reserve)


def solved() -> Counts:
    locked = sell(locking_reserve)
    return sell(reserve) | {f"for_update_{name}": locked[name] for name in ("sold", "statements_per_sale", "statements_per_refusal")}


def sell(sale: Sale) -> Counts:
    Reservation.objects.all().delete()
    StockItem.objects.update_or_create(sku=SKU, defaults={"name": "Mug 1", "available": PIECES})
    outcomes = at_once(buy_one, [(sale,)] * BUYERS)
    sold = Reservation.objects.count()
    counts: Counts = {
        "buyers": len(outcomes),
        "sold": sold,
        "oversold": max(0, sold - PIECES),
        "left": StockItem.objects.get(sku=SKU).available,
        "refused": sum(outcome == "refused" for outcome, _ in outcomes),
        "errors": sum(outcome not in ("sold", "refused") for outcome, _ in outcomes),
    }
    for name, ended in (("statements_per_sale", "sold"), ("statements_per_refusal", "refused")):
        if statements := {number for outcome, number in outcomes if outcome == ended}:  # the naive sale refuses nobody
            counts[name] = max(statements)
    return counts


def buy_one(sale: Sale) -> tuple[str, int]:
    """How it ended for one buyer, and the statements it took."""
    with count_queries() as statements:
        try:
            sale(sku=SKU, quantity=1)
            outcome = "sold"
        except NotEnoughLeft:
            outcome = "refused"
        except Exception as error:
            outcome = repr(error)
    return outcome, len(statements)


experiment = Experiment(
    challenge="We sold more than we had in stock",
    solution="a conditional UPDATE that takes stock only while there is enough, and a CHECK constraint",
    load=f"{BUYERS} buyers at once, from two processes, one piece each, of {PIECES} pieces",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["oversold"] > 0,
    holds=lambda counts: (
        (counts["sold"], counts["left"], counts["refused"], counts["errors"]) == (PIECES, 0, BUYERS - PIECES, 0)
        and counts["for_update_sold"] == PIECES
    ),
    proof=("sold", "oversold"),
    code="warehouse/models.py",
)
