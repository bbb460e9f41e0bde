"""Redis lock expired: two workers held it at the same time.

A worker process takes the lock and is stopped (SIGSTOP) before it writes, as a container
or a garbage collector would stop it. Its lock expires. We take the lock and write. Then the
worker continues (SIGCONT) and writes.
"""

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

import redis
from django.conf import settings

from catalogue import store
from catalogue.models import TrendingList
from catalogue.services import save_trending, trending_lock
from lab import in_child, own_keys, patience
from labkit import Counts, Experiment
from labkit.crowd import children
from labkit.processes import wait_until
from patterns.caching.fenced_lock import write_fenced

ROUNDS = 3
TTL_SECONDS = 0.2
WAIT_SECONDS = 30

Find = Callable[[], list[str]]


class NaiveSide:
    @staticmethod
    def lock() -> str:
        return f"{settings.CACHE_KEY_PREFIX}:save-trending"

    @classmethod
    def save(cls, ttl_seconds: float, find: Find) -> None:
        if client().set(cls.lock(), 1, nx=True, px=int(ttl_seconds * 1000)):
            TrendingList.objects.filter(name="now").update(skus=find())
            client().delete(cls.lock())

    @classmethod
    def save_and_hold(cls, skus: list[str], then: Callable[[], None]) -> None:
        client().set(cls.lock(), 1, nx=True, ex=WAIT_SECONDS)
        TrendingList.objects.filter(name="now").update(skus=skus)
        then()
        client().delete(cls.lock())


class SolvedSide:
    @staticmethod
    def lock() -> str:
        return f"{{{settings.CACHE_KEY_PREFIX}:save-trending}}"

    @staticmethod
    def save(ttl_seconds: float, find: Find) -> None:
        with mock.patch.multiple("catalogue.services", TRENDING_LOCK_SECONDS=ttl_seconds, trending_now=find):
            save_trending()

    @staticmethod
    def save_and_hold(skus: list[str], then: Callable[[], None]) -> None:
        with trending_lock(WAIT_SECONDS).hold() as token:
            write_fenced(TrendingList.objects.filter(name="now"), token, skus=skus)
            then()


SIDES: dict[str, type[NaiveSide] | type[SolvedSide]] = {"naive": NaiveSide, "solved": SolvedSide}


def naive() -> Counts:
    return pause("naive")


def solved() -> Counts:
    return pause("solved")


def pause(side: str) -> Counts:
    TrendingList.objects.update_or_create(name="now", defaults={"fence": 0})
    overwritten = freed = 0
    with patience(), own_keys() as prefix:
        ours, theirs = children().Pipe()
        worker = children().Process(target=in_child, args=(f"{__name__}.work", prefix, side, theirs), daemon=True)
        worker.start()
        pid = worker.pid or 0

        def wake_the_other() -> None:
            nonlocal freed
            os.kill(pid, signal.SIGCONT)
            hear(ours, "done")
            freed += not client().exists(SIDES[side].lock())

        try:
            for _ in range(ROUNDS):
                ours.send("begin")
                hear(ours, "has the lock")
                os.kill(pid, signal.SIGSTOP)
                ours.send("go on")  # it reads this when it is awake again
                wait_until(lambda: not client().exists(SIDES[side].lock()), timeout_seconds=WAIT_SECONDS, what="the lock to run out")
                SIDES[side].save_and_hold(["ours"], wake_the_other)
                overwritten += TrendingList.objects.get(name="now").skus != ["ours"]
        finally:
            worker.kill()  # also one that is stopped
            worker.join()
    return {"rounds": ROUNDS, "overwritten_by_the_late_one": overwritten, "locks_freed_by_the_late_one": freed}


def work(side: str, pipe: Connection) -> None:
    """The worker's life: in each round it has the lock, is stopped, is woken, and writes."""

    def find() -> list[str]:
        pipe.send("has the lock")
        hear(pipe, "go on")
        return ["theirs"]

    while True:
        hear(pipe, "begin")
        SIDES[side].save(TTL_SECONDS, find)
        pipe.send("done")


def hear(pipe: Any, word: str) -> None:
    heard = pipe.recv() if pipe.poll(WAIT_SECONDS) else "nothing"
    if heard != word:
        raise RuntimeError(f"waited for {word!r}, heard {heard!r}")


def client() -> redis.Redis:
    return store.client(settings.REDIS_URL)


experiment = Experiment(
    challenge="Redis lock expired: two workers held it at the same time",
    solution="a lock with a fencing token, which the UPDATE itself compares with the row's",
    load=f"{ROUNDS} times: the holder is stopped until its lock expires, another process writes, the first resumes and writes",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["overwritten_by_the_late_one"] == counts["locks_freed_by_the_late_one"] == ROUNDS,
    holds=lambda counts: counts["overwritten_by_the_late_one"] == counts["locks_freed_by_the_late_one"] == 0,
    proof=("overwritten_by_the_late_one", "locks_freed_by_the_late_one"),
    code="patterns/caching/fenced_lock",
)
