"""The warehouse: what lies on the shelves, and what is set aside for somebody."""

import uuid

from django.db import models
from django.db.models import F, Q


class StockQuerySet(models.QuerySet["StockItem"]):
    def take(self, sku: str, quantity: int) -> bool:
        """Takes `quantity` pieces off the stock, or none: False when fewer are left, or the SKU is unknown.

        One UPDATE looks and takes. A second buyer of the same row waits for the first one's transaction to end, and
        PostgreSQL then evaluates the WHERE again on the row as it has become. Source: PostgreSQL, "Read Committed
        Isolation Level". Call it in the transaction that records why the pieces are gone.
        """
        if quantity < 1:
            raise ValueError(f"take at least one piece, not {quantity}")  # taking -5 would put five on the shelf
        return self.filter(sku=sku, available__gte=quantity).update(available=F("available") - quantity) == 1


class StockItem(models.Model):
    sku = models.SlugField(max_length=32, unique=True)  # a slug: it stands in URLs
    name = models.CharField(max_length=200)
    available = models.IntegerField()  # pieces that nobody has reserved

    objects = StockQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]
        constraints = [
            # the net under take(): code that forgets to ask fails loudly instead of selling what is not there
            models.CheckConstraint(condition=Q(available__gte=0), name="available_is_never_negative"),
        ]

    def __str__(self) -> str:
        return self.sku


class Reservation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # by SKU, which the buyer names: a sale need not look up an id first
    item = models.ForeignKey(StockItem, to_field="sku", db_column="sku", on_delete=models.PROTECT, related_name="reservations")
    quantity = models.IntegerField()
    reserved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-reserved_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="at_least_one_piece_is_reserved"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.item_id}"
