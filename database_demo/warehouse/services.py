"""What the warehouse does. Each function is one transaction."""

from django.db import transaction

from warehouse.models import Reservation, StockItem


class UnknownSku(Exception):
    """The warehouse does not stock this SKU."""


class NotEnoughLeft(Exception):
    """Fewer pieces are left than requested. None was taken."""


@transaction.atomic
def reserve(*, sku: str, quantity: int) -> Reservation:
    """Reserves `quantity` pieces (at least 1). Raises UnknownSku or NotEnoughLeft.

    The row stays locked from `take` to the commit, so nothing slow belongs in between.
    """
    if not StockItem.objects.take(sku, quantity):
        if not StockItem.objects.filter(sku=sku).exists():
            raise UnknownSku(sku)
        raise NotEnoughLeft(f"{quantity} of {sku}")
    return Reservation.objects.create(item_id=sku, quantity=quantity)
