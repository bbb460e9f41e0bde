"""Redis retried an increment: the counter is too high.

Redis counts a view, and its reply is lost on the way: a proxy drops it. redis-py's retries,
which most settings files copy, send the command again, and it is counted again.
"""

import contextlib
from collections.abc import Callable
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.test import override_settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from catalogue import store
from lab import own_keys
from labkit import Counts, Experiment, FaultProxy
from labkit.processes import wait_until

VIEWS = 3
RETRIES = 3  # redis-py's default
TIMEOUT_SECONDS = 0.1


class LosingReplies(ExponentialBackoff):
    """The documentation's back-off. It also lets the next handshake through, so that what is lost is the counter's reply."""

    proxy: FaultProxy  # on the class: redis-py copies what is in the object

    def compute(self, failures: int) -> float:
        self.proxy.set("pass")
        return super().compute(failures)


def naive() -> Counts:
    def view(url: str, name: str, proxy: FaultProxy) -> None:
        def connected(connection: redis.Connection) -> None:
            connection.on_connect()  # type: ignore[no-untyped-call]
            proxy.set("drop_reply")

        LosingReplies.proxy = proxy
        retry = Retry(LosingReplies(cap=0.05, base=0.008), RETRIES)
        with redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, retry=retry, redis_connect_func=connected) as client:
            client.hincrby(name, "LAB-MUG", 1)

    return lose_replies(view)


def solved() -> Counts:
    def view(url: str, name: str, proxy: FaultProxy) -> None:
        # the service has been connected for long; on a busy machine its first try may come too late for its own time-out
        wait_until(lambda: is_connected(url), timeout_seconds=10, what="a connection")
        proxy.set("drop_reply")
        store.views().add("LAB-MUG")

    return lose_replies(view)


def is_connected(url: str) -> bool:
    with contextlib.suppress(redis.RedisError):
        return bool(store.client(url).ping())
    return False


def lose_replies(view: Callable[[str, str, FaultProxy], None]) -> Counts:
    url = urlsplit(settings.REDIS_URL)
    honest, errors = store.client(settings.REDIS_URL), 0
    with own_keys() as prefix, FaultProxy(url.hostname or "", url.port or 6379) as proxy:
        location, name = url._replace(netloc=f":{url.password or ''}@{proxy.host}:{proxy.port}").geturl(), f"{{{prefix}:views}}"
        with override_settings(REDIS_URL=location):
            for _ in range(VIEWS):
                proxy.set("pass")
                try:
                    view(location, name, proxy)
                except redis.RedisError:
                    errors += 1
        counted = int(honest.hget(name, "LAB-MUG") or 0)
    return {"views": VIEWS, "counted": counted, "overcounted": counted - VIEWS, "errors_seen": errors}


experiment = Experiment(
    challenge="Redis retried an increment: the counter is too high",
    solution="no automatic retries for commands that are not idempotent",
    load=f"{VIEWS} views, each counted by Redis, whose reply is lost; {RETRIES} retries on the naive side",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["overcounted"] == VIEWS * RETRIES,
    holds=lambda counts: counts["overcounted"] == 0 and counts["counted"] == counts["views"],
    proof=("overcounted",),
    code="patterns/caching/write_behind/buffer.py",
)
