from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone

BATCH = 1_000  # rows of one DELETE: short locks, and a prune that is stopped keeps its progress


class ReceivedEventQuerySet(models.QuerySet["ReceivedEvent"]):
    def process_once(
        self, *, source: str, event_id: str, effect: Callable[[], str]
    ) -> tuple[str, bool]:
        """Runs `effect` unless this event was processed. Returns its outcome, and if it ran.

        `effect` returns its outcome in a word. It runs in the transaction of the id: a call that
        races waits for the insert, and then finds the row. If it raises, the id is free again.
        """
        with transaction.atomic():
            event, is_new = self.get_or_create(source=source, event_id=event_id)
            if is_new:
                event.outcome = effect()
                event.save(update_fields=["outcome"])
            return event.outcome, is_new

    def prune(self, older_than: timedelta | datetime) -> int:
        """Deletes the events that were received before. Returns how many."""
        return sum(self.prune_batches(older_than))

    def prune_batches(self, older_than: timedelta | datetime) -> Iterator[int]:
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        rows = self.filter(received_at__lt=before).order_by("received_at")
        while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
            yield self.filter(pk__in=keys).delete()[0]


class ReceivedEvent(models.Model):
    source = models.CharField(max_length=50)  # the sender: two senders may pick the same id
    event_id = models.CharField(max_length=200)
    outcome = models.CharField(max_length=50, default="")
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = ReceivedEventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "event_id"], name="%(app_label)s_one_row_per_event"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}: {self.outcome}"
