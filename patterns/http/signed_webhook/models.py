from collections.abc import Callable

from django.db import models, transaction


class ReceivedEventQuerySet(models.QuerySet["ReceivedEvent"]):
    def process_once(self, *, source: str, event_id: str, effect: Callable[[], str]) -> tuple[str, bool]:
        """Runs `effect` unless this event was processed. Returns its outcome, and whether that was now.

        `effect` returns its outcome in a word of yours. It runs in the transaction of the id: who races waits for the
        insert, and then finds the id there. If it raises, the id is free again.
        """
        with transaction.atomic():
            event, is_new = self.get_or_create(source=source, event_id=event_id)
            if is_new:
                event.outcome = effect()
                event.save(update_fields=["outcome"])
            return event.outcome, is_new


class ReceivedEvent(models.Model):
    source = models.CharField(max_length=50)  # who sends: two senders may pick the same id
    event_id = models.CharField(max_length=200)
    outcome = models.CharField(max_length=50, default="")  # what was done about it, for the person who looks
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)  # by which old ones are deleted

    objects = ReceivedEventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="one_row_per_event")]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}: {self.outcome}"
