"""The relay: a loop (`run`) around one tested step (`run_once`). Where to publish, and what failure means, are arguments."""

import contextlib
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error, close_old_connections, connection, transaction
from django.utils import timezone

from .models import OutboxEvent

logger = logging.getLogger(__name__)

# publish(routing_key, body, event_id) returns when the broker has the event, and raises otherwise
Publish = Callable[[str, bytes, str], None]

REFUSAL_CAP_SECONDS = 30  # a queue that was full or missing is found again within that time


@dataclass
class Batch:
    """What one step did. `outage` says why the broker could not be reached; it is empty when it could."""

    published: int = 0
    refused: int = 0
    outage: str = ""


def run_once(
    publish: Publish,
    *,
    refused: type[Exception],
    away: type[Exception],
    confirm: Callable[[], Mapping[str, str]] = dict,
    batch_size: int = 100,
    now: Callable[[], datetime] = timezone.now,
) -> Batch:
    """Publishes up to `batch_size` events, at most one of each aggregate.

    `refused` is what `publish` raises when the broker does not take this event, `away` when it takes none now. A publisher that is told
    of the events' fate later says it in `confirm`: event id → why it was refused, or `away` when it does not know.
    """
    batch, sent, refusals = Batch(), [], {}
    with row_locks():
        for event in OutboxEvent.objects.due(now()).select_for_update(skip_locked=True)[:batch_size]:
            try:
                publish(event.routing_key, json.dumps(event.payload).encode(), str(event.event_id))
            except refused as error:
                refusals[str(event.event_id)] = reason(error)
            except away as error:
                batch.outage = reason(error)
                break
            sent.append(event)
        try:
            refusals |= confirm()
        except away as error:
            # nothing is known of any: they stay, and may be published again
            return Batch(outage=reason(error))
        for event in sent:
            if refusal := refusals.get(str(event.event_id)):
                batch.refused += 1
                postpone(event, refusal, now())
        published = [event.pk for event in sent if str(event.event_id) not in refusals]
        # not bulk_update, whose CASE of a thousand branches takes longer than to publish them
        batch.published = OutboxEvent.objects.filter(pk__in=published).update(published_at=now()) if published else 0
    return batch


def row_locks() -> contextlib.AbstractContextManager[object]:
    """The transaction that holds the rows' locks. SQLite has none, and its write lock would make every order wait for the broker."""
    return transaction.atomic() if connection.features.has_select_for_update else contextlib.nullcontext()


def reason(error: Exception) -> str:
    """In one line, and never empty."""
    return " ".join(str(error).split()) or type(error).__name__


def postpone(event: OutboxEvent, refusal: str, now: datetime) -> None:
    wait = timedelta(seconds=backoff_seconds(event.refusals, REFUSAL_CAP_SECONDS))
    event.refusals, event.refusal, event.retry_at = event.refusals + 1, refusal[:200], now + wait
    event.save(update_fields=["refusals", "refusal", "retry_at"])
    logger.warning("kept %s: %s; next try in %.1f s", event, refusal, wait.total_seconds())


def backoff_seconds(failures: int, cap_seconds: float) -> float:
    """0.2 s, doubled with each failure, never more than the cap; half of it is chance, so that relays do not return in step."""
    return min(cap_seconds, 0.2 * 2 ** min(failures, 16)) * random.uniform(0.5, 1)  # noqa: S311 — jitter is no secret


def run(
    publish: Publish,
    *,
    refused: type[Exception],
    away: type[Exception],
    stop: threading.Event,
    confirm: Callable[[], Mapping[str, str]] = dict,
    batch_size: int = 100,
    idle_seconds: float = 0.2,
    outage_cap_seconds: float = 2,
    rest: Callable[[float], None] = time.sleep,
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Publishes until `stop` is set, through outages of the broker and of the database.

    `rest` waits, and may serve the connection meanwhile (heartbeats). `on_turn` is called at the top of each turn.
    """
    failures = 0
    while not stop.is_set():
        on_turn()
        try:
            close_old_connections()
            batch = run_once(publish, refused=refused, away=away, confirm=confirm, batch_size=batch_size)
        except Error as error:
            connection.close()
            batch = Batch(outage=f"database: {reason(error)}")
        if batch.published:
            logger.info("published %d", batch.published)
        if batch.outage:
            if not failures:
                logger.warning("outage, events are kept: %s", batch.outage)
            stop.wait(backoff_seconds(failures, outage_cap_seconds))
            failures += 1
            continue
        if failures:
            logger.info("the outage is over after %d tries", failures)
        failures = 0
        if not batch.published:
            rest(idle_seconds)
