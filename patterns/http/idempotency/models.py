from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

BATCH = 1_000  # rows of one DELETE: short locks, and a prune that is stopped keeps its progress


class StoredAnswerQuerySet(models.QuerySet["StoredAnswer"]):
    def prune(self, older_than: timedelta | datetime) -> int:
        """Deletes the rows that are older. Returns how many."""
        return sum(self.prune_batches(older_than))

    def prune_batches(self, older_than: timedelta | datetime) -> Iterator[int]:
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        old = self.filter(created_at__lt=before).order_by("created_at").values_list("pk", flat=True)
        while keys := list(old[:BATCH]):
            yield self.filter(pk__in=keys).delete()[0]


class StoredAnswer(models.Model):
    """A key's row: inserted before the effect, in its transaction, and given the answer after."""

    scope = models.CharField(max_length=200)  # user, method, path: two users may pick one key
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the parsed body
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")  # text: jsonb would reorder the names
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = StoredAnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "key"], name="%(app_label)s_one_answer_per_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
