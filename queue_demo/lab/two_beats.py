"""Celery beat ran the task twice.

Two schedulers, as an overlapping deploy leaves them, start the restock at the same moment
on each of thirty nights. The naive task checks whether tonight's restock exists, and orders
if it does not: both check before either orders. The solved one claims the night by a unique
row, in the transaction of the order.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from lab import fresh_tally, note, tally
from labkit import Counts, Experiment
from patterns.messaging.once_per_period.models import Period

NIGHTS, BEATS = 30, 2
FIRST = datetime(2026, 11, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)

Restock = Callable[[datetime], None]


def naive_restock(now: datetime) -> None:
    if not tally()[f"restock {now.date()}"]:
        note(f"restock {now.date()}")


@transaction.atomic
def restock(now: datetime) -> None:
    if Period.objects.claim(name="lab.restock", now=now, length=DAY):
        note(f"restock {now.date()}")


def naive() -> Counts:
    return run(naive_restock)


def solved() -> Counts:
    return run(restock)


def run(task: Restock) -> Counts:
    fresh_tally()
    Period.objects.filter(name="lab.restock").delete()
    barrier = threading.Barrier(BEATS, timeout=30)

    def beat(_: int) -> None:
        try:
            for night in range(NIGHTS):
                barrier.wait()
                task(FIRST + night * DAY)
        finally:
            connection.close()  # this thread's

    with ThreadPoolExecutor(BEATS) as pool:
        list(pool.map(beat, range(BEATS)))
    restocks = tally()
    return {
        "nights": NIGHTS,
        "tasks_run": NIGHTS * BEATS,
        "nights_without_a_restock": NIGHTS - len(restocks),
        "restocks_too_many": sum(restocks.values()) - len(restocks),
        "most_restocks_of_one_night": max(restocks.values()),
    }


experiment = Experiment(
    challenge="Celery beat ran the task twice",
    solution="a unique row claims the period, in the transaction of the work",
    load=f"{BEATS} schedulers that start the restock at the same moment, on {NIGHTS} nights",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["most_restocks_of_one_night"] == BEATS,
    holds=lambda counts: (counts["nights_without_a_restock"], counts["restocks_too_many"]) == (0, 0),
    proof=("most_restocks_of_one_night", "restocks_too_many"),
    code="patterns/messaging/once_per_period/models.py",
)
