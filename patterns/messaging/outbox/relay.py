"""The relay: a loop (`run`) around one tested step (`run_once`)."""

import contextlib
import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, Error, close_old_connections, connections, transaction
from django.utils import timezone

from ..publisher import BrokerUnavailable, MessageRefused
from .models import OutboxEvent

logger = logging.getLogger(__name__)

# publish(routing_key, body, event_id) returns when the broker has the event. BrokerUnavailable
# ends the batch; any other exception is this event's, which is kept and retried.
Publish = Callable[[str, bytes, str], None]

REFUSAL_CAP_SECONDS = 30  # a queue that was full or missing is found again within that time


@dataclass
class Batch:
    """What one step did. `outage` is empty if the broker was available."""

    published: int = 0
    refused: int = 0
    outage: str = ""
    is_last: bool = False  # of its round over all aggregates: the next batch begins another


class Relay:
    """Publishes the events of one database, in rounds over all aggregates."""

    def __init__(
        self, publish: Publish, *, using: str = DEFAULT_DB_ALIAS, batch_size: int = 100
    ) -> None:
        self.publish = publish
        self.using = using
        self.batch_size = batch_size
        self._events = OutboxEvent.objects.using(using)
        self._after: str | None = None  # the aggregate that ended the last batch

    def run_once(self, *, now: datetime | None = None) -> Batch:
        """Publishes up to `batch_size` events, from the aggregate where the last step ended."""
        now = now or timezone.now()
        sent: list[OutboxEvent] = []
        refusals: dict[str, list[OutboxEvent]] = defaultdict(list)
        batch = Batch()
        with self._row_locks():
            page = self._events.page_after(self._after, self.batch_size)
            locked = self._events.lock([pk for pk, _ in page])
            blocked: set[str] = set()  # aggregates whose later events must not overtake
            for pk, aggregate in page:
                event = locked.get(pk)  # or another relay has it in hand
                if event is None or (event.retry_at and event.retry_at > now):
                    blocked.add(aggregate)
                if event is None or aggregate in blocked:
                    continue
                try:
                    self.publish(event.routing_key, event.body.encode(), str(event.event_id))
                except BrokerUnavailable as error:
                    batch.outage = str(error) or repr(error)
                    break
                except Error:
                    raise  # not this event's: the transaction is broken
                except Exception as error:
                    blocked.add(aggregate)
                    batch.refused += 1
                    refusals[self._postpone(event, error, now)].append(event)
                else:
                    sent.append(event)
            if sent:
                self.mark_published(sent, timezone.now())
        batch.published = len(sent)
        if not batch.outage:
            batch.is_last = len(page) < self.batch_size
            self._after = None if batch.is_last else page[-1][1]
        for reason, kept in refusals.items():
            if new := [event for event in kept if event.refusal != reason]:
                logger.warning("%d refused events are kept, first %s: %s", len(new), new[0], reason)
        return batch

    def mark_published(self, events: list[OutboxEvent], at: datetime) -> None:
        """In the transaction of the batch: a subclass may keep a record of its own here."""
        self._events.filter(pk__in=[event.pk for event in events]).update(published_at=at)

    def run(
        self,
        *,
        stop: threading.Event,
        rest: Callable[[float], None] = time.sleep,
        on_turn: Callable[[], None] = lambda: None,
        idle_seconds: float = 0.2,
        outage_cap_seconds: float = 2,
    ) -> None:
        """Publishes until `stop` is set. `rest` waits, and may answer heartbeats meanwhile."""
        failures, reasons, published = 0, set[str](), 0
        while not stop.is_set():
            on_turn()
            try:
                close_old_connections()
                batch = self.run_once()
            except Error as error:
                connections[self.using].close()
                batch = Batch(outage=f"database: {error!r}")
            published += batch.published
            if batch.outage:
                if batch.outage not in reasons:  # each is logged once per outage
                    logger.warning("outage, events are kept: %s", batch.outage)
                reasons.add(batch.outage)
                stop.wait(backoff_seconds(failures, outage_cap_seconds))
                failures += 1
                continue
            if failures:
                logger.info("the outage is over after %d tries", failures)
                failures, reasons = 0, set()
            if batch.is_last:
                if published:
                    logger.info("published %d events", published)
                else:
                    rest(idle_seconds)
                published = 0

    def _postpone(self, event: OutboxEvent, error: Exception, now: datetime) -> str:
        reason = (str(error) if isinstance(error, MessageRefused) else repr(error))[:200]
        wait = timedelta(seconds=backoff_seconds(event.refusals, REFUSAL_CAP_SECONDS))
        self._events.filter(pk=event.pk).update(
            refusals=event.refusals + 1, refusal=reason, retry_at=now + wait
        )
        return reason

    def _row_locks(self) -> contextlib.AbstractContextManager[object]:
        """SQLite has one write lock: every order would wait for the broker."""
        if connections[self.using].features.has_select_for_update:
            return transaction.atomic(using=self.using)
        return contextlib.nullcontext()


def backoff_seconds(failures: int, cap_seconds: float) -> float:
    """0.2 s, doubled with each failure up to the cap; half is jitter: relays must not sync."""
    return min(cap_seconds, 0.2 * 2 ** min(failures, 16)) * random.uniform(0.5, 1)  # noqa: S311
