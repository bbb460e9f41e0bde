"""Products, ratings, orders and payments."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Avg, OuterRef, Q, Subquery
from django.utils import timezone


class Category(models.Model):
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.slug


class ProductQuerySet(models.QuerySet["Product"]):
    def for_listing(self) -> "ProductQuerySet":
        """The columns that a list shows, with the category's slug and the average rating, in one query.

        Both are subqueries, which run for the rows of the page only. With a join, the planner
        may leave the index that orders the page, and then it reads and sorts the whole table.
        """
        category = Category.objects.filter(pk=OuterRef("category")).values("slug")
        ratings = Rating.objects.filter(product=OuterRef("pk")).order_by().values("product").values_list(Avg("stars"))
        columns = ("id", "sku", "name", "price", "currency", "stock")
        rows = self.annotate(category_slug=Subquery(category), rating=Subquery(ratings))
        return rows.values_list(*columns, "category_slug", "rating", named=True)  # type: ignore[return-value]

    def existing(self, skus: Iterable[str]) -> set[str]:
        return set(self.filter(sku__in=skus).values_list("sku", flat=True))

    def locked(self, skus: Iterable[str]) -> "dict[str, Product]":
        """These products by SKU, locked until the transaction ends. Locking in one order prevents deadlocks."""
        return {product.sku: product for product in self.filter(sku__in=skus).order_by("pk").select_for_update(no_key=True)}


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    stock = models.PositiveIntegerField(default=0, db_default=0)

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]
        indexes = [
            models.Index(fields=["price", "id"], name="product_by_price"),  # with the tie-break: otherwise a deep page reads all ties
            models.Index(fields=["category", "price", "id"], name="product_by_category"),
            models.Index(fields=["category", "sku"], name="product_by_category_and_sku"),
        ]

    def __str__(self) -> str:
        return self.sku


class Rating(models.Model):
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="ratings", db_index=False
    )  # the index of the constraint is enough
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    stars = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "customer"], include=["stars"], name="one_rating_per_customer"),
            models.CheckConstraint(condition=Q(stars__range=(1, 5)), name="one_to_five_stars"),
        ]

    def __str__(self) -> str:
        return f"{self.stars} of 5"


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: User | AnonymousUser) -> "OrderQuerySet":
        """The user's own orders; for staff, all. Any other order is a 404."""
        return self if user.is_staff else self.filter(customer=user.pk)

    def changeable_by(self, user: User | AnonymousUser) -> "OrderQuerySet":
        """The user's own orders; for an admin, all. Staff may read, but not change."""
        return self if user.is_superuser else self.filter(customer=user.pk)

    def with_lines(self) -> "OrderQuerySet":
        return self.prefetch_related("lines__product")


class Order(models.Model):
    class Status(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders")
    currency = models.CharField(max_length=3, default="EUR")
    status = models.CharField(max_length=9, choices=Status, default=Status.PLACED)
    placed_at = models.DateTimeField(auto_now_add=True)
    paid_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-placed_at", "id"]
        indexes = [models.Index(fields=["customer", "placed_at", "id"], name="orders_of_a_customer")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def total(self) -> Decimal:
        return sum((line.unit_price * line.quantity for line in self.lines.all()), Decimal("0.00"))


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)  # at the time of the order

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "product"], name="one_line_per_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class Payment(models.Model):
    """One attempt to pay an order. Its id is our reference at the provider, and the Idempotency-Key of that call."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        REFUND_DUE = "refund_due"  # paid for an order that was cancelled or paid meanwhile, or the wrong amount

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments", db_index=False)
    amount = models.DecimalField(max_digits=15, decimal_places=2)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    provider_id = models.CharField(max_length=100, default="")  # the provider's id; empty until it responds
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["order", "created_at", "id"], name="payments_of_an_order")]
        constraints = [models.UniqueConstraint(fields=["order"], condition=Q(status="pending"), name="one_open_payment_per_order")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} {self.status}"

    def settle(self, status: "Payment.Status") -> None:
        self.status, self.settled_at = status, timezone.now()
        self.save(update_fields=["status", "settled_at"])
