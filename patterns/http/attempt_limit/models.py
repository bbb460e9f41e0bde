from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

BATCH = 1_000  # rows of one DELETE: short locks, and a prune that is stopped keeps its progress


class CountedQuerySet(models.QuerySet["Counted"]):
    def prune(self, older_than: timedelta | datetime) -> int:
        """Deletes the keys that expired before. Returns how many."""
        return sum(self.prune_batches(older_than))

    def prune_batches(self, older_than: timedelta | datetime) -> Iterator[int]:
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        expired = self.filter(expires_at__lt=before)
        rows = expired.order_by("expires_at")
        while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
            yield expired.filter(pk__in=keys).delete()[0]  # not one that was counted meanwhile


class Counted(models.Model):
    """The attempts at one key: their times in seconds since 1970, the oldest first."""

    key = models.CharField(max_length=100, primary_key=True)
    times = models.JSONField(default=list)
    expires_at = models.DateTimeField(db_index=True)

    objects = CountedQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key
