"""Hit ratio: what became of each read, counted per namespace, for all processes together.

Problem         INFO says 95 %, and the page is slow. Redis counts commands: locks, sessions, rate limits and generations are
                hits too. It does not know what a page is, nor that a stale answer is not a fresh one, nor what a load cost.
Guarantee       After `flush()` the counters differ from what happened by nothing, over all threads and processes. Each namespace
                has its own. Counting never fails: what cannot be sent now stays here, and is sent with the next; when it is not
                known whether it has arrived, it is dropped rather than counted twice.
Not guaranteed  What a process had not yet sent when it was killed: at most `every_seconds` of its counting.
Cost            A hit costs no round trip: a counter in memory, and one pipeline every `every_seconds` and process.
Use instead     prometheus_client, where there is a Prometheus: the same counters as labels, and history. On Memcached there is
                nothing to list the namespaces in: NotSupportedError.

Source: Redis documentation, INFO, "keyspace_hits".
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError


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
        client: redis.Redis,
        name: str,
        *,
        hits: tuple[str, ...] = ("hit",),
        every_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(client, redis.Redis):
            raise NotSupportedError("the counters need a Redis: Memcached has no hashes")
        self.client, self.name, self.hits, self.every_seconds, self.clock = client, name, hits, every_seconds, clock
        self._lock = threading.Lock()
        self._pending: Counter[str] = Counter()
        self._sent_at = clock()

    def count(self, namespace: str, outcome: str, number: int = 1) -> None:
        with self._lock:
            self._pending[f"{namespace} {outcome}"] += number
            is_due = self.clock() - self._sent_at >= self.every_seconds
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Sends what was counted here. Call it at the process's end, too."""
        with self._lock:
            pending, self._pending = self._pending, Counter()
            self._sent_at = self.clock()
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
