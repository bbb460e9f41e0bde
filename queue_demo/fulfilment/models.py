"""Products and orders: an order from placed to fulfilled."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from django.db import models, transaction
from django.db.models import F, Q

from fulfilment.event_types import ORDER_PLACED
from fulfilment.records import Email, Invoice, OrderEvent, Restock, ShippingLabel, Step, TaskFailure

__all__ = [
    "Email",
    "Invoice",
    "Order",
    "OrderEvent",
    "OrderLine",
    "Product",
    "Restock",
    "ShippingLabel",
    "Step",
    "TaskFailure",
]


class UnknownProduct(Exception):
    """An order names a SKU that the shop does not sell."""


class MixedCurrencies(Exception):
    """The products of an order have different currencies, so it has no total."""


class OutOfStock(Exception):
    """There are fewer pieces than the order wants. Says of what."""


class TimelineEntry(TypedDict):
    step: str
    at: datetime
    detail: str


class ProductQuerySet(models.QuerySet["Product"]):
    @transaction.atomic
    def take(self, lines: "models.QuerySet[OrderLine]") -> None:
        """Takes the pieces of all lines from the stock, or none: raises OutOfStock."""
        # in one order for everybody: two orders that lock the same products crosswise would wait for each other
        for line in lines.select_related("product").order_by("product_id"):
            enough = self.filter(pk=line.product_id, stock__gte=line.quantity)
            if not enough.update(stock=F("stock") - line.quantity):
                raise OutOfStock(line.product.sku)

    def receive(self, pieces: Mapping[str, int]) -> None:
        """Adds pieces (SKU → how many) to the stock."""
        for sku, count in sorted(pieces.items()):
            self.filter(sku=sku).update(stock=F("stock") + count, received=F("received") + count)


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    stock = models.PositiveIntegerField(default=1000)
    received = models.PositiveIntegerField(default=1000)  # ever: what is not in stock any more was booked, or the books are wrong

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]

    def __str__(self) -> str:
        return self.sku


OPEN = Q(fulfilled_at=None, stopped_at=None)
UNMAILED = Q(mail__isnull=False, mail__sent_at=None)


class OrderQuerySet(models.QuerySet["Order"]):
    def unfinished(self) -> "OrderQuerySet":
        """Neither shipped nor stopped, or with a mail that is due."""
        return self.filter(OPEN | UNMAILED)

    @transaction.atomic(savepoint=False)
    def place(
        self, quantities: Mapping[str, int], *, order_id: uuid.UUID | None = None, fields: Mapping[str, str] | None = None
    ) -> "Order":
        """Saves an order of `quantities` (SKU → pieces, each at least 1) at today's prices. Raises UnknownProduct, MixedCurrencies.

        An `order_id` is given when the order is known elsewhere under it; if it is here already, it stays as it is.
        """
        products = Product.objects.in_bulk(quantities, field_name="sku")
        if unknown := sorted(set(quantities) - set(products)):
            raise UnknownProduct(", ".join(unknown))
        currencies = sorted({product.currency for product in products.values()})
        if len(currencies) > 1:
            raise MixedCurrencies(f"All products of an order must have the same currency, not {', '.join(currencies)}.")
        defaults = {**(fields or {}), "currency": currencies[0]}
        order, is_new = self.get_or_create(pk=order_id or uuid.uuid4(), defaults=defaults)
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
    email = models.EmailField(default="customer@shop.example")
    request_id = models.CharField(max_length=128, blank=True)  # of the request that caused it; all logs name it
    placed_at = models.DateTimeField(auto_now_add=True)
    fulfilled_at = models.DateTimeField(null=True)  # the parcel is on its way
    stopped_at = models.DateTimeField(null=True)  # it never will be; the timeline says why

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at", "id"]
        # as large as what is open, not as the history: the reconciler asks every few minutes
        indexes = [models.Index(fields=["placed_at"], condition=OPEN, name="open_orders")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def aggregate(self) -> str:
        """What its events are about, and are kept in order by."""
        return f"order/{self.pk}"

    @property
    def status(self) -> str:
        if self.stopped_at:
            return "stopped"
        return "fulfilled" if self.fulfilled_at else "placed"

    @property
    def total(self) -> Decimal:
        return sum((line.unit_price * line.quantity for line in self.lines.all()), Decimal("0.00"))

    def timeline(self) -> list[TimelineEntry]:
        """What has happened to it, in order, and what holds it up."""
        entries = [TimelineEntry(step="placed", at=self.placed_at, detail="")]
        for event in self.events.all():
            if event.at and event.name == ORDER_PLACED:
                entries.append(TimelineEntry(step=f"{event.name} published", at=event.at, detail=""))
        entries += [TimelineEntry(step=step.name, at=step.at, detail=step.detail) for step in self.steps.all()]
        return sorted(entries, key=lambda entry: entry["at"])

    def has(self, step: str) -> bool:
        return self.steps.filter(name=step).exists()

    def ship_when_ready(self, *, at: datetime) -> bool:
        """Joins what was done side by side. True for the one call after which the parcel left.

        The caller holds the order's lock: two steps that ended at the same moment would otherwise each miss the other's row.
        """
        ready = Order.objects.filter(pk=self.pk, fulfilled_at=None, invoice__isnull=False, shippinglabel__isnull=False)
        if not Order.objects.filter(pk__in=ready.values("pk"), fulfilled_at=None).update(fulfilled_at=at):
            return False
        Step.objects.create(order=self, name=Step.SHIPPED, at=at)
        return True


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)  # the price on the day, not today's

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line_per_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
