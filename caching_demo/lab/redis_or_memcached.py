"""Redis or Memcached for the Django cache?

One set of eight promises, tried on both stores: with Django's cache alone, as people write it
when the store is "just a setting", and with the patterns. 1: kept. 0: refused with an error.
-1: broken. Where two callers race, their order is forced.
"""

import contextlib
import pickle
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.cache import CacheKeyWarning, caches
from django.db import NotSupportedError
from django.test import override_settings

from catalogue import store
from lab import own_keys
from labkit import Counts, Experiment
from labkit.processes import free_port

CROWD = 20
LOAD_SECONDS = 0.05
STORES = ("redis", "memcached")
PROMISES = (
    "one_load_of_a_crowd", "no_late_writer", "no_pickle_executed", "keys_of_300_bytes", "values_of_2_mb", "works_without_server",
    "counters_taken_out_at_once", "sorted_by_score",
)  # fmt: skip
EXECUTED: list[str] = []


class Planted:
    def __reduce__(self) -> Any:
        return execute, ()


def execute() -> None:
    EXECUTED.append("somebody else's code")


class NaiveSide:
    backends = {
        "redis": "django.core.cache.backends.redis.RedisCache",
        "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
    }

    def __init__(self, kind: str) -> None:
        self.kind, self.cache, self.away = kind, caches["default"], caches["away"]

    def one_load_of_a_crowd(self) -> bool:
        return loads_of_a_crowd(lambda load: caches["default"].get_or_set("crowd", load, 60)) == 1  # each thread has its own

    def no_late_writer(self) -> bool:
        self.cache.get("late")  # a miss: we load the old value; meanwhile somebody writes, and
        self.cache.delete("late")
        self.cache.set("late", "old", 60)
        return self.cache.get("late") is None

    def no_pickle_executed(self) -> bool:
        EXECUTED.clear()
        key, payload = self.cache.make_key("planted"), pickle.dumps(Planted())
        if self.kind == "redis":
            store.client(settings.REDIS_URL).set(key, payload, ex=60)
        else:
            store.memcached(settings.MEMCACHED_URL).set(key, payload, expire=60, flags=1, noreply=False)  # 1: "this is a pickle"
        self.cache.get("planted")
        return not EXECUTED

    def keys_of_300_bytes(self) -> bool:
        self.cache.set("k" * 300, "here", 60)
        return bool(self.cache.get("k" * 300) == "here")

    def values_of_2_mb(self) -> bool:
        self.cache.set("big", "x" * 2_000_000, 60)
        return len(self.cache.get("big", "")) == 2_000_000

    def works_without_server(self) -> bool:
        return bool(self.away.get_or_set("a", lambda: "loaded") == "loaded")

    def counters_taken_out_at_once(self) -> bool:
        self.cache.set("views", 5, 60)
        taken = self.cache.get("views")
        self.cache.incr("views")  # one more, meanwhile
        self.cache.set("views", 0, 60)
        return bool(taken + self.cache.get("views") == 6)

    def sorted_by_score(self) -> bool:
        mine, yours = self.cache.get("scores", {}), self.cache.get("scores", {})
        self.cache.set("scores", {**mine, "mug": 1}, 60)
        self.cache.set("scores", {**yours, "lamp": 2}, 60)
        return sorted(self.cache.get("scores")) == ["lamp", "mug"]


class SolvedSide(NaiveSide):
    """The same, where the backend itself makes the difference."""

    backends = {"redis": "patterns.caching.fail_open.FailOpenRedisCache", "memcached": "patterns.caching.fail_open.FailOpenMemcachedCache"}

    def one_load_of_a_crowd(self) -> bool:
        flight = store.flight()  # on Memcached: NotSupportedError
        return loads_of_a_crowd(lambda load: flight.get(f"{settings.CACHE_KEY_PREFIX}:crowd", load)) == 1

    def no_late_writer(self) -> bool:
        key, leases = f"{settings.CACHE_KEY_PREFIX}:late", store.leases()

        def load() -> str:
            leases.invalidate(key)
            return "old"

        leases.get(key, load)
        return leases.get(key, lambda: "new") == ("new", False)

    def values_of_2_mb(self) -> bool:
        key, leases = f"{settings.CACHE_KEY_PREFIX}:big", store.leases()
        first, (second, is_hit) = leases.get(key, lambda: "x" * 2_000_000)[0], leases.get(key, lambda: "x" * 2_000_000)
        if not is_hit:
            raise NotSupportedError("answered, but not stored")
        return len(first) == len(second) == 2_000_000

    def counters_taken_out_at_once(self) -> bool:
        views, seen = store.views(), []
        views.add("mug", 5)
        views.take_batch()
        views.add("mug")  # one more, meanwhile
        while views.flush(lambda counts: seen.append(counts["mug"])):
            pass
        return sum(seen) == 6

    def sorted_by_score(self) -> bool:
        for member, score in (("mug", 1), ("lamp", 2)):
            store.trending().add(member, score)
        return [member for member, _ in store.trending().top(2)] == ["lamp", "mug"]


def naive() -> Counts:
    return try_all(NaiveSide)


def solved() -> Counts:
    return try_all(SolvedSide)


def try_all(side: type[NaiveSide]) -> Counts:
    if not settings.REDIS_URL or not settings.MEMCACHED_URL:
        raise RuntimeError("this experiment needs both: `make lab` starts them, or set REDIS_URL and MEMCACHED_URL")
    table: dict[str, int | float] = {}
    for kind in STORES:
        nobody = f"127.0.0.1:{free_port()}"
        places = {"redis": (settings.REDIS_URL, f"redis://{nobody}"), "memcached": (settings.MEMCACHED_URL, nobody)}[kind]
        with own_keys() as prefix:
            both = {
                name: {"BACKEND": side.backends[kind], "LOCATION": place, "KEY_PREFIX": prefix}
                for name, place in zip(("default", "away"), places, strict=True)
            }
            with override_settings(CACHES=both, CACHE=kind):
                table |= {f"{kind}_{promise}": outcome(getattr(side(kind), promise)) for promise in PROMISES}
    return {"promises": len(table), "broken_promises": sum(each == -1 for each in table.values()), **table}


def outcome(promise: Callable[[], bool]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CacheKeyWarning)  # Django warns of the long key, and goes on
            return 1 if promise() else -1
    except NotSupportedError:
        return 0
    except Exception:  # a visitor would see a 500
        return -1


def loads_of_a_crowd(read: Callable[[Callable[[], str]], Any]) -> int:
    """How often twenty who ask at once load."""
    loads, gate = [], threading.Barrier(CROWD, timeout=30)

    def load() -> str:
        loads.append(1)
        time.sleep(LOAD_SECONDS)
        return "new"

    def visit(_: int) -> None:
        gate.wait()
        with contextlib.suppress(*store.AWAY):
            read(load)

    with ThreadPoolExecutor(CROWD) as pool:
        list(pool.map(visit, range(CROWD)))
    return len(loads)


experiment = Experiment(
    challenge="Redis or Memcached for the Django cache?",
    solution="patterns that keep the same promise on both stores, or raise NotSupportedError",
    load=f"{len(PROMISES)} promises on Redis and on Memcached; 1: kept, 0: refused with an error, -1: broken",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["broken_promises"] > 0,
    holds=lambda counts: counts["broken_promises"] == 0 and all(counts[f"redis_{promise}"] == 1 for promise in PROMISES),
    proof=("broken_promises",),
    code="patterns/caching/leases",
)
