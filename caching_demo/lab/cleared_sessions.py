"""Django's cache.clear() logged everyone out.

After a deployment the pages must be invalidated, and somebody calls `cache.clear()`. Django's
RedisCache flushes the whole Redis database. The experiment uses database 15 of the lab's
Redis, so that no other data is lost.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.test import override_settings

from labkit import Counts, Experiment

EACH = 100
DATABASE = 15
KEPT = ("sessions", "limits")


def naive() -> Counts:
    return deploy("django.core.cache.backends.redis.RedisCache", lambda pages: pages.clear())


def solved() -> Counts:
    return deploy("patterns.caching.fail_open.FailOpenRedisCache", lambda pages: pages.clear())


def deploy(backend: str, forget: Callable[[BaseCache], None]) -> Counts:
    if settings.CACHE != "redis":
        raise RuntimeError("this experiment needs Redis: `make lab` starts one, or set REDIS_URL")
    location = urlsplit(settings.REDIS_URL)._replace(path=f"/{DATABASE}").geturl()
    kinds = {name: {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": name} for name in ("pages", *KEPT)}
    with override_settings(CACHES={"default": kinds["pages"], **kinds}), redis.Redis.from_url(location) as client:
        try:
            for name in kinds:
                caches[name].set_many({str(number): name for number in range(EACH)})
            client.rpush("queue", *range(EACH))  # somebody else's, with no prefix at all
            forget(caches["pages"])
            left = {name: sum(caches[name].get(str(number)) == name for number in range(EACH)) for name in kinds}
            return {
                "pages_left": left["pages"],
                "sessions_lost": EACH - left["sessions"],
                "rate_limits_lost": EACH - left["limits"],
                "jobs_lost": EACH - int(client.llen("queue")),
            }
        finally:
            client.flushdb()


experiment = Experiment(
    challenge="Django's cache.clear() logged everyone out",
    solution="a cache backend whose clear() deletes only its own prefix; sessions and jobs in a separate store",
    load=f"{EACH} pages, sessions and rate limits and {EACH} queued jobs in one Redis, then cache.clear() for the pages",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["sessions_lost"] == counts["jobs_lost"] == EACH,
    holds=lambda counts: not any(counts.values()),
    proof=("sessions_lost", "jobs_lost"),
    code="patterns/caching/fail_open",
)
