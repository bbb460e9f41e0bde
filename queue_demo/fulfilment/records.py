"""One unique row per step of an order: it makes the step happen once, and can be counted."""

from typing import Any

from django.db import models
from django.utils import timezone


class StepQuerySet(models.QuerySet["Step"]):
    def remark(self, *, order_id: Any, name: str, detail: str) -> None:
        """Notes what holds an order up; a later remark of the same name replaces it."""
        self.update_or_create(order_id=order_id, name=name, defaults={"at": timezone.now(), "detail": detail[:200]})


class Step(models.Model):
    """A line of an order's timeline. What is done stands here once; what went wrong, with its last reason."""

    STOCK_BOOKED = "stock booked"
    OUT_OF_STOCK = "out of stock"
    INVOICE_WRITTEN = "invoice written"
    LABEL_PRINTED = "label printed"
    EMAIL_SENT = "email sent"
    SHIPPED = "shipped"
    SENT_AGAIN = "sent again"  # by the reconciler; the detail counts how often

    order = models.ForeignKey("fulfilment.Order", on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=40)
    at = models.DateTimeField(default=timezone.now)
    detail = models.CharField(max_length=200, blank=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "name"], name="one_step_of_a_name")]

    def __str__(self) -> str:
        return self.name


class TaskFailureQuerySet(models.QuerySet["TaskFailure"]):
    def note(self, *, task_id: str, reason: str) -> None:
        self.update_or_create(task_id=task_id[:200], defaults={"reason": reason[:300], "at": timezone.now()})


class TaskFailure(models.Model):
    """Why a task was given up. Its dead letter says no more than that the worker rejected it."""

    task_id = models.CharField(max_length=200, unique=True)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    objects = TaskFailureQuerySet.as_manager()

    def __str__(self) -> str:
        return self.reason


class OrderEvent(models.Model):
    """An event that announced an order, or that it came from: for the timeline and the ledger.

    The rows of the outbox and the inbox belong to the transport, and are pruned.
    """

    order = models.ForeignKey("fulfilment.Order", on_delete=models.CASCADE, related_name="events")
    name = models.CharField(max_length=40)
    event_id = models.UUIDField(unique=True, null=True)  # null: accepted before this table was
    at = models.DateTimeField(null=True)  # published or accepted; null while it is in the outbox

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "name"], name="one_event_of_a_name")]

    def __str__(self) -> str:
        return self.name


class Invoice(models.Model):
    """Its number is the row's: it grows, and a rolled-back one leaves a gap. Where the law wants none, count in a row of its own."""

    order = models.OneToOneField("fulfilment.Order", on_delete=models.CASCADE)
    pdf = models.BinaryField()

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"INV-{self.pk:08d}"


class ShippingLabel(models.Model):
    order = models.OneToOneField("fulfilment.Order", on_delete=models.CASCADE)
    tracking_number = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.tracking_number


class Email(models.Model):
    """The mail with the invoice. Who sends it holds this row's lock; who comes second finds `sent_at`."""

    order = models.OneToOneField("fulfilment.Order", on_delete=models.CASCADE, related_name="mail")
    sent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.message_id

    @property
    def message_id(self) -> str:
        """The same for every try: SMTP delivers at least once, and a receiver knows the second one by it (RFC 5322, 3.6.4)."""
        return f"<invoice.{self.order_id}@shop.example>"


class Restock(models.Model):
    """One report: what ran low and was ordered, SKU → pieces."""

    ordered_at = models.DateTimeField()
    pieces = models.JSONField()

    class Meta:
        ordering = ["-ordered_at"]

    def __str__(self) -> str:
        return f"{self.ordered_at:%Y-%m-%d %H:%M}: {len(self.pieces)} products"
