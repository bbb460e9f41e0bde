"""Deletes the rows of old batches."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from .models import FlushedBatch

BATCH_SIZE = 1_000  # bounds each transaction and its locks


def prune(older_than: timedelta | datetime, *, using: str = "default") -> int:
    """Returns how many rows it deleted."""
    return sum(prune_batches(older_than, using=using))


def prune_batches(older_than: timedelta | datetime, *, using: str = "default") -> Iterator[int]:
    """Deletes one batch after the other, each in its own transaction, and yields its size."""
    until = timezone.now() - older_than if isinstance(older_than, timedelta) else older_than
    rows = FlushedBatch.objects.using(using)
    old = rows.filter(flushed_at__lt=until).order_by("flushed_at").values_list("pk", flat=True)
    while found := list(old[:BATCH_SIZE]):
        rows.filter(pk__in=found).delete()
        yield len(found)
