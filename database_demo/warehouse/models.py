"""The warehouse: stock items and reservations."""

import uuid

from django.db import models
from django.db.models import F, Q


class StockQuerySet(models.QuerySet["StockItem"]):
    def take(self, sku: str, quantity: int) -> bool:
        """Takes `quantity` pieces from the stock, or none: False if fewer are left, or the SKU is unknown.

        One UPDATE checks and takes. A second buyer of the same row waits until the first transaction ends.
        Then PostgreSQL evaluates the WHERE again, on the new row. Source: PostgreSQL, "Read Committed
        Isolation Level". Call it in the transaction that records why.
        """
        if quantity < 1:
            raise ValueError(f"take at least one piece, not {quantity}")  # -5 would add five
        return self.filter(sku=sku, available__gte=quantity).update(available=F("available") - quantity) == 1


class StockItem(models.Model):
    sku = models.SlugField(max_length=32, unique=True)  # a slug: it stands in URLs
    name = models.CharField(max_length=200)
    available = models.IntegerField()  # pieces that nobody has reserved

    objects = StockQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]
        constraints = [
            # for code that subtracts without take(): it gets an error, and sells nothing that is not there
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
