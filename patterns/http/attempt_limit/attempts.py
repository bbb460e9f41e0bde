import hashlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from .models import Counted


class Limit(NamedTuple):
    """At most `quota` attempts in any `window_seconds`."""

    name: str
    quota: int
    window_seconds: int


def count(checks: Sequence[tuple[Limit, str]], *, now: datetime) -> int:
    """Counts an attempt against all limits, each with its subject: a name, an address.

    Returns 0, or the seconds after which to try again: then it is not counted.
    """
    delete_expired(now)
    seconds = now.timestamp()
    limits = {key(limit, subject): limit for limit, subject in checks}
    with transaction.atomic():
        # One statement locks all rows, new ones too, in one order: no deadlock.
        rows = [
            Counted(key=each, expires_at=now + timedelta(seconds=limits[each].window_seconds))
            for each in sorted(limits)
        ]
        Counted.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["key"], update_fields=["expires_at"]
        )
        waits, rows = [0.0], list(Counted.objects.filter(key__in=limits))
        for row in rows:
            _, quota, window = limits[row.key]
            row.times = [time for time in row.times if time + window > seconds]
            if len(row.times) >= quota:
                waits.append(row.times[-quota] + window - seconds)
            row.times.append(seconds)
        if not any(waits):
            Counted.objects.bulk_update(rows, ["times"])
    return math.ceil(max(waits))


def key(limit: Limit, subject: str) -> str:
    digest = hashlib.blake2b(subject.encode(errors="surrogatepass"), digest_size=16)
    return f"{limit.name}:{digest.hexdigest()}"


def delete_expired(now: datetime, *, at_most: int = 100) -> None:
    """In a transaction of its own: it waits for no attempt, and no attempt waits for it."""
    with transaction.atomic():
        expired = Counted.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
        Counted.objects.filter(pk__in=[row.pk for row in expired[:at_most]]).delete()
