"""An order, from the moment when it is placed to the moment when it has been fulfilled."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from django.db import models, transaction

from patterns.outbox.models import OutboxEvent


class UnknownProduct(Exception):
    """An order names a SKU that the shop does not sell."""


class Step(TypedDict):
    step: str
    at: datetime


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")

    class Meta:
        ordering = ["sku"]

    def __str__(self) -> str:
        return self.sku


class OrderQuerySet(models.QuerySet["Order"]):
    @transaction.atomic(savepoint=False)
    def place(self, quantities: Mapping[str, int], *, order_id: uuid.UUID | None = None) -> "Order":
        """Saves an order of `quantities` (SKU → pieces, each at least 1) at today's prices. Raises UnknownProduct.

        An `order_id` is given when the order is known elsewhere under it; if it is here already, it stays as it is.
        """
        products = Product.objects.in_bulk(quantities, field_name="sku")
        if unknown := sorted(set(quantities) - set(products)):
            raise UnknownProduct(", ".join(unknown))
        order, is_new = self.get_or_create(pk=order_id or uuid.uuid4())
        if not is_new:
            return order
        OrderLine.objects.bulk_create(
            OrderLine(order=order, product=products[sku], quantity=quantity, unit_price=products[sku].price)
            for sku, quantity in quantities.items()
        )
        return order


class Order(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    currency = models.CharField(max_length=3, default="EUR")
    placed_at = models.DateTimeField(auto_now_add=True)
    fulfilled_at = models.DateTimeField(null=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at", "id"]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def aggregate(self) -> str:
        """What its events are about, and are kept in order by."""
        return f"order/{self.pk}"

    @property
    def status(self) -> str:
        return "placed" if self.fulfilled_at is None else "fulfilled"

    @property
    def total(self) -> Decimal:
        return sum((line.unit_price * line.quantity for line in self.lines.all()), Decimal("0.00"))

    def timeline(self) -> list[Step]:
        """What has happened to it, in order."""
        steps = [Step(step="placed", at=self.placed_at)]
        for event in OutboxEvent.objects.filter(aggregate=self.aggregate).order_by("pk"):
            if event.published_at:
                steps.append(Step(step=f"{event.routing_key} published", at=event.published_at))
        if self.fulfilled_at:
            steps.append(Step(step="fulfilled", at=self.fulfilled_at))
        return steps

    def fulfil(self, *, at: datetime) -> bool:
        """True for the one call that fulfilled it. The condition is in the UPDATE: two workers cannot both find it open."""
        return bool(Order.objects.filter(pk=self.pk, fulfilled_at=None).update(fulfilled_at=at))


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)  # the price on the day, not today's

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line_per_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
