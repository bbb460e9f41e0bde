"""The limit is 20, and far more got through.

200 requests of one user arrive at the same moment, in two processes. The naive limit is
DRF's own throttle with Django's cache in Redis: it reads the list of past requests, checks
its length, and writes a longer list back. Requests that read before the others have written
see none of them.
"""

import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from labkit import Counts, Experiment, at_once
from patterns.http.rate_limit.limiter import Checks, Limit, Limiter
from shop.api.throttles import WriteThrottle, client

REQUESTS, PROCESSES, QUOTA = 200, 2, 20


class NaiveThrottle(SimpleRateThrottle):
    rate = f"{QUOTA}/min"
    cache = RedisCache(settings.REDIS_URL, {"KEY_PREFIX": f"{settings.RATE_LIMIT_PREFIX}:naive"})

    def get_cache_key(self, request: Request, view: APIView) -> str:
        return "one-user"


class SolvedThrottle(WriteThrottle):
    """The shop's throttle with this limit, and long timeouts: 200 threads share two interpreters."""

    @property
    def limiter(self) -> Limiter:  # type: ignore[override]
        return patient_limiter()

    def checks(self, request: Request, view: APIView) -> Checks:
        return [(Limit("race", QUOTA, 60), "one-user")]


@functools.cache
def patient_limiter() -> Limiter:
    client = redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS | {"socket_timeout": 20, "socket_connect_timeout": 20})
    return Limiter(client, prefix=settings.RATE_LIMIT_PREFIX)


class Naive(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = [NaiveThrottle]

    def post(self, request: Request) -> Response:
        return Response(status=204)


class Solved(Naive):
    throttle_classes = [SolvedThrottle]


def naive() -> Counts:
    return race(Naive)


def solved() -> Counts:
    return race(Solved)


def race(view: type[APIView]) -> Counts:
    for key in client(settings.REDIS_URL).scan_iter(match=f"*{settings.RATE_LIMIT_PREFIX}*"):
        client(settings.REDIS_URL).delete(key)  # of an earlier run
    shares = at_once(crowd, [(view, REQUESTS // PROCESSES)] * PROCESSES, processes=PROCESSES)
    answers = [answer for share in shares for answer in share]
    codes = [code for code, _ in answers]
    return {
        "requests": len(answers),
        "allowed": codes.count(204),
        "refused": codes.count(429),
        "errors": sum(code not in (204, 429) for code in codes),
        "responses_with_ratelimit": sum(tells for _, tells in answers),
    }


def crowd(view: type[APIView], size: int) -> list[tuple[int, bool]]:
    """In each process: this many threads, which start together. Unlike those of `at_once`, they need no database."""
    barrier = threading.Barrier(size, timeout=30)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda _: one_request(view, barrier), range(size)))


def one_request(view: type[APIView], barrier: threading.Barrier) -> tuple[int, bool]:
    barrier.wait()
    response = view.as_view()(APIRequestFactory().post("/"))
    return response.status_code, "RateLimit" in response


experiment = Experiment(
    challenge="The limit is 20, and far more got through",
    solution="a sliding window in Redis: one script checks and counts, by the clock of Redis",
    load=f"{REQUESTS} requests of one user at once, in two processes; the limit is {QUOTA} per minute",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["allowed"] > QUOTA,
    holds=lambda counts: (counts["allowed"], counts["refused"], counts["errors"]) == (QUOTA, REQUESTS - QUOTA, 0),
    proof=("allowed",),
    code="patterns/http/rate_limit/redis_window.py",
)
