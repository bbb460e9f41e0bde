from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q

WAITING = Q(published_at=None)


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    def append(self, *, event_id: UUID | str, aggregate: str, routing_key: str, payload: dict[str, Any]) -> "OutboxEvent":
        """Stores an event with the change that it tells of. Raises TransactionManagementError outside a transaction."""
        if not transaction.get_connection(self.db).in_atomic_block:
            raise transaction.TransactionManagementError("an event is appended in the transaction of its change; there is none")
        return self.create(event_id=event_id, aggregate=aggregate, routing_key=routing_key, payload=payload)

    def waiting(self) -> "OutboxQuerySet":
        return self.filter(WAITING)

    def due(self, now: datetime) -> "OutboxQuerySet":
        """The oldest waiting event of each aggregate, unless it was refused and its next try is later than `now`.

        Only the oldest: while another relay holds it, or the broker refuses it, those behind it must not overtake it.
        """
        older = OutboxEvent.objects.filter(WAITING, aggregate=OuterRef("aggregate"), pk__lt=OuterRef("pk"))
        return self.filter(WAITING, ~Exists(older), Q(retry_at=None) | Q(retry_at__lte=now)).order_by("pk")


class OutboxEvent(models.Model):
    event_id = models.UUIDField(unique=True)  # the same for every delivery: consumers know a repetition by it
    aggregate = models.CharField(max_length=200)  # what the event is about; order is kept within it
    routing_key = models.CharField(max_length=200)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    refusals = models.PositiveIntegerField(default=0)
    refusal = models.CharField(max_length=200, blank=True)  # the broker's last words, for the person who looks
    retry_at = models.DateTimeField(null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=WAITING, name="outbox_waiting"),  # as large as the backlog, not as the history
            models.Index(fields=["aggregate", "published_at"], name="outbox_aggregate"),
        ]

    def __str__(self) -> str:
        return f"{self.routing_key} {self.event_id}"
