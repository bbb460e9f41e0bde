"""Hit ratio: the outcome of each cache read, counted per namespace, for all processes.

Problem
    INFO shows a high hit ratio, and the page is slow. Redis counts commands: locks,
    sessions and rate limits are hits too.

Guarantee
    - After `flush()` the counters are exact, over all threads and processes.
    - Each namespace has its own.
    - Counting costs no round trip and never fails. Counts that surely did not arrive
      are sent with the next flush; counts that may have arrived are not sent twice.

Not guaranteed
    The counts that a killed process had not sent: at most those of `every_seconds`.

Cost
    A counter in memory. One pipeline per `every_seconds` and process, after a response.

Use instead
    prometheus_client, if you have Prometheus. Memcached: NotSupportedError. (Checked
    2026-11.)

Source: Redis documentation, INFO, "keyspace_hits".

Use
    # your code
    from django.conf import settings
    from django.core.signals import request_finished
    from patterns.caching.failover import connect
    from patterns.caching.hit_ratio import HitRatio

    client = connect(settings.REDIS_URL)
    ratio = HitRatio(client, "shop:counters")
    request_finished.connect(lambda **_: ratio.flush_if_due(), weak=False)
    ratio.count("page", "hit")
    percent = {name: tally.ratio * 100 for name, tally in ratio.read().items()}
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError

REQUIRES = ("failover",)
CLIENTS = (redis.Redis, redis.RedisCluster)


@dataclass(frozen=True)
class Tally:
    """One namespace's counts by outcome."""

    counts: dict[str, int]
    hits: tuple[str, ...]  # the outcomes that are hits

    @property
    def ratio(self) -> float:
        """Between 0 and 1; 0 when nothing was read."""
        total = sum(self.counts.values())
        return sum(self.counts.get(name, 0) for name in self.hits) / total if total else 0.0


class HitRatio:
    """One for each process. `{name}` is a hash: "namespace outcome" → count."""

    def __init__(
        self,
        client: redis.Redis | redis.RedisCluster,
        name: str,
        *,
        hits: tuple[str, ...] = ("hit",),
        every_seconds: float = 1.0,
    ) -> None:
        if not isinstance(client, CLIENTS):
            raise NotSupportedError("the counters need Redis: Memcached has no hashes")
        self.client, self.name, self.hits, self.every_seconds = client, name, hits, every_seconds
        self._lock = threading.Lock()
        self._pending: Counter[str] = Counter()
        self._sent_at = time.monotonic()

    def count(self, namespace: str, outcome: str, number: int = 1) -> None:
        with self._lock:
            self._pending[f"{namespace} {outcome}"] += number

    def flush_if_due(self) -> None:
        """Call it after each response, or from a timer."""
        if time.monotonic() - self._sent_at >= self.every_seconds:
            self.flush()

    def flush(self) -> None:
        """Sends what was counted here. Call it when the process stops, too."""
        with self._lock:
            pending, self._pending = self._pending, Counter()
            self._sent_at = time.monotonic()
        if not pending:
            return
        try:
            pipeline = self.client.pipeline(transaction=True)  # all or none
            for field, number in pending.items():
                pipeline.hincrby(self.name, field, number)
            pipeline.execute()
        except redis.TimeoutError:
            pass  # it may have arrived
        except redis.RedisError:
            with self._lock:
                self._pending.update(pending)

    def read(self) -> dict[str, Tally]:
        """What all processes have sent, by namespace. Raises RedisError."""
        found: Any = self.client.hgetall(self.name)
        tallies: dict[str, dict[str, int]] = {}
        for field, number in sorted(found.items()):
            namespace, _, outcome = field.decode().partition(" ")
            tallies.setdefault(namespace, {})[outcome] = int(number)
        return {namespace: Tally(counts, self.hits) for namespace, counts in tallies.items()}
