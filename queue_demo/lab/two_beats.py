"""Beat ran the restock twice.

Two schedulers, as an overlapping deploy leaves them, and a month of nights: both say each night that it is time, at the same moment. The
naive task asks whether tonight's restock is there, and if not orders it: between the question and the order there is room for
another. The solved one claims the night, by a row that can be inserted once, in the transaction of the order.
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
    challenge="Beat ran the restock twice",
    solution="a period is claimed by a row that can be inserted once, in the transaction of its work",
    load=f"{BEATS} schedulers that say at the same moment, on {NIGHTS} nights, that it is time",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["most_restocks_of_one_night"] == BEATS,
    holds=lambda counts: (counts["nights_without_a_restock"], counts["restocks_too_many"]) == (0, 0),
    proof=("most_restocks_of_one_night", "restocks_too_many"),
    code="patterns/messaging/once_per_period/models.py",
)
