import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, router, transaction
from django.db.models import Count, Min, Q
from django.db.models.functions import Cast
from django.utils import timezone

WAITING = Q(published_at=None)


@dataclass(frozen=True)
class Backlog:
    """What a monitor alerts on: how many events wait, and how old the oldest is."""

    count: int
    age: timedelta


class OutboxQuerySet(models.QuerySet["OutboxEvent"]):
    @property
    def _write_alias(self) -> str:
        return self._db or router.db_for_write(self.model)  # type: ignore[attr-defined]

    def append(
        self,
        *,
        aggregate: str,
        routing_key: str,
        payload: dict[str, Any],
        event_id: uuid.UUID | str | None = None,
    ) -> "OutboxEvent":
        """Stores an event in the transaction of its change.

        Raises TransactionManagementError outside a transaction of this database.
        """
        using = self._write_alias
        if not transaction.get_connection(using).in_atomic_block:
            raise transaction.TransactionManagementError(
                f"call append() in the transaction of the change: atomic(using={using!r})"
            )
        return self.using(using).create(
            event_id=event_id or uuid.uuid4(),
            aggregate=aggregate,
            routing_key=routing_key,
            payload=payload,
        )

    def waiting(self) -> "OutboxQuerySet":
        return self.filter(WAITING)

    def page_after(self, aggregate: str | None, limit: int) -> list[tuple[int, str]]:
        """Keys and aggregates of waiting events: an aggregate's in order, from its oldest."""
        waiting = self.waiting().order_by("aggregate", "pk")
        if aggregate is not None:
            waiting = waiting.filter(aggregate__gt=aggregate)
        return list(waiting.values_list("pk", "aggregate")[:limit])

    def lock(self, keys: list[int]) -> dict[int, Any]:
        """Locks those that still wait and that no other relay has; each with its `body`."""
        # the text that the database has: nothing that a decoder could refuse
        events = self.defer("payload").annotate(body=Cast("payload", models.TextField()))
        locked = events.filter(pk__in=keys).select_for_update(skip_locked=True)
        return {event.pk: event for event in locked if event.published_at is None}

    def backlog(self) -> Backlog:
        found = self.waiting().aggregate(count=Count("pk"), oldest=Min("created_at"))
        now = timezone.now()
        return Backlog(found["count"], max(now - (found["oldest"] or now), timedelta(0)))

    def prune(self, older_than: timedelta | datetime, *, batch_size: int = 1_000) -> int:
        """Deletes published events of before; returns how many. Waiting ones stay."""
        return sum(self.prune_in_batches(older_than, batch_size=batch_size))

    def prune_in_batches(
        self, older_than: timedelta | datetime, *, batch_size: int = 1_000
    ) -> Iterator[int]:
        """Prunes as it is iterated: a transaction per batch; yields how many it deleted."""
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        rows = self.using(self._write_alias)
        last = 0
        while True:
            # by primary key: one walk over the table, and no index that each event would pay for
            old = rows.filter(published_at__lt=before, pk__gt=last).order_by("pk")
            keys = list(old.values_list("pk", flat=True)[:batch_size])
            if not keys:
                return
            yield rows.filter(pk__in=keys).delete()[0]
            last = keys[-1]


class OutboxEvent(models.Model):
    # the same for every delivery: consumers recognise a duplicate by it
    event_id = models.UUIDField(unique=True, default=uuid.uuid4)
    aggregate = models.CharField(max_length=200)  # the entity; order is kept within it
    routing_key = models.CharField(max_length=200)
    payload = models.JSONField(encoder=DjangoJSONEncoder)  # takes datetime, Decimal and UUID
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    refusals = models.PositiveIntegerField(default=0)
    refusal = models.CharField(max_length=200, blank=True)  # the last error
    retry_at = models.DateTimeField(null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        indexes = [
            # as large as the backlog, not as the history; only it has the relay's sort order,
            # so that no statistics can make the planner choose another plan
            models.Index(fields=["aggregate", "id"], condition=WAITING, name="%(app_label)s_due"),
        ]

    def __str__(self) -> str:
        return f"{self.routing_key} {self.event_id}"
