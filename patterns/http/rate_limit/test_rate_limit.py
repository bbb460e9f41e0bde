"""Limits and keys of their own, in the Redis that REDIS_URL names."""

import logging
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import limiter as limiter_module
from . import local, redis_window
from .limiter import Decision, Limit, Limiter
from .throttle import RateLimitThrottle

SECOND = 1_000_000  # in Redis's microseconds
THREE, FIVE = Limit("three", 3, 60), Limit("five", 5, 600)


def connect(url: str, **options: Any) -> redis.Redis:
    retry = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(
        url, socket_timeout=0.2, socket_connect_timeout=0.2, retry=retry, **options
    )


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these tests need Redis: `make test` starts one, or set REDIS_URL")
    with connect(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def limiter(client: redis.Redis) -> Iterator[Limiter]:
    """With keys of this test only, and none left behind."""
    prefix = f"test-{secrets.token_hex(8)}"
    yield Limiter(client, prefix=prefix)
    if keys := list(client.scan_iter(match=f"{prefix}*", count=1000)):
        client.delete(*keys)


class Clock:
    """Patched into the modules that read time.monotonic."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limiter_module, "monotonic", clock)
    monkeypatch.setattr(local, "monotonic", clock)
    return clock


@pytest.fixture
def alone(clock: Clock) -> Limiter:
    """Counts in this process only."""
    return Limiter(None, prefix="unused")


def check(limiter: Limiter, *limits: Limit, subject: str = "ann") -> Decision:
    decision = limiter.check([(limit, subject) for limit in limits], count_locally=True)
    assert decision is not None
    return decision


def counted_ago(limiter: Limiter, limit: Limit, *ages_seconds: float) -> None:
    """As if "ann" had been counted then."""
    assert limiter.client is not None
    seconds, microseconds = limiter.client.time()  # type: ignore[misc]
    now = seconds * SECOND + microseconds
    key = limiter.key(limit, "ann")
    limiter.client.rpush(key, *(int(now - age * SECOND) for age in ages_seconds))


def test_of_racing_requests_exactly_the_quota_is_allowed(limiter: Limiter) -> None:
    limiters = [limiter, Limiter(limiter.client, prefix=limiter.prefix)]

    with ThreadPoolExecutor(50) as pool:
        decisions = list(pool.map(lambda n: check(limiters[n % 2], FIVE), range(100)))

    assert [each.allowed for each in decisions].count(True) == 5


def test_there_is_room_when_the_oldest_leaves_the_window(limiter: Limiter) -> None:
    counted_ago(limiter, THREE, 61, 59, 1)

    last, refused = check(limiter, THREE), check(limiter, THREE)

    assert (last.allowed, last.standings[0].remaining) == (True, 0)
    assert (refused.allowed, refused.retry_after_seconds) == (False, 1)


def test_no_window_holds_more_than_the_quota(limiter: Limiter) -> None:
    counted_ago(limiter, THREE, 31, 30, 29)

    refused = check(limiter, THREE)

    assert (refused.allowed, refused.retry_after_seconds) == (False, 29)


def test_a_lowered_quota_says_when_there_is_room(limiter: Limiter) -> None:
    counted_ago(limiter, THREE, 50, 40, 30, 20, 10)

    refused = check(limiter, THREE)

    assert (refused.allowed, refused.retry_after_seconds) == (False, 30)


def test_subjects_and_limits_are_counted_apart(limiter: Limiter) -> None:
    allowed = [
        check(limiter, limit, subject=subject).allowed
        for limit in (THREE, FIVE)
        for subject in ("ann", "ben")
        for _ in range(6)
    ]

    assert allowed.count(True) == 2 * 3 + 2 * 5


@pytest.mark.parametrize("order", [[THREE, FIVE], [FIVE, THREE]])
def test_a_request_that_one_limit_refuses_counts_for_none(
    limiter: Limiter, order: list[Limit]
) -> None:
    for _ in range(10):
        last = check(limiter, *order)

    assert {each.limit.name: each.remaining for each in last.standings} == {"three": 0, "five": 2}
    assert limiter.client is not None
    assert limiter.client.llen(limiter.key(FIVE, "ann")) == 3
    assert last.retry_after_seconds == 60


def test_the_wait_is_that_of_the_last_limit_that_refuses(limiter: Limiter) -> None:
    counted_ago(limiter, THREE, 20, 10, 5)
    counted_ago(limiter, FIVE, 60, 50, 40, 30, 20)

    assert check(limiter, THREE, FIVE).retry_after_seconds == 540


def test_any_number_of_limits_is_one_round_trip(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(limiter, THREE)  # from here on Redis knows the script
    sent = []
    connection = redis.connection.AbstractConnection
    send = connection.send_packed_command
    monkeypatch.setattr(
        connection, "send_packed_command", lambda *a, **k: (sent.append(a), send(*a, **k))[1]
    )

    check(limiter, THREE, FIVE)

    assert len(sent) == 1


def test_a_redis_that_has_lost_the_script_gets_it_again(limiter: Limiter) -> None:
    check(limiter, THREE)
    assert limiter.client is not None
    limiter.client.script_flush()

    assert check(limiter, THREE).standings[0].remaining == 1


def test_the_clocks_of_the_processes_do_not_matter(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = []
    for skew in (0, 3600, -3600, 7200, 0):
        now = time.time() + skew
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            allowed.append(check(limiter, THREE).allowed)

    assert allowed == [True, True, True, False, False]


def test_a_key_holds_the_quota_at_most_and_expires(limiter: Limiter) -> None:
    twenty = Limit("twenty", 20, 60)
    for _ in range(200):
        check(limiter, twenty)
    client: Any = limiter.client
    key = limiter.key(twenty, "ann")

    assert client.llen(key) == 20
    assert 0 < client.pttl(key) <= 60_000
    assert client.memory_usage(key, samples=0) <= 500


def test_a_key_is_short_and_holds_no_name(limiter: Limiter, alone: Limiter) -> None:
    for subject in ("ann", "ann" * 100_000, "\ud800"):
        check(limiter, THREE, subject=subject)
        check(alone, THREE, subject=subject)
        key = limiter.key(THREE, subject)

        assert len(key) == len(limiter.prefix) + len(":three:") + 32
        assert "ann" not in key
    assert max(map(len, alone.local.counted)) < 50


BROKEN = [("a b", 1, 1), ('"', 1, 1), ("", 1, 1), ("ok", 0, 1), ("ok", 1, 0)]


@pytest.mark.parametrize("values", BROKEN)
def test_a_limit_without_plain_name_quota_or_window_is_an_error(values: Any) -> None:
    with pytest.raises(ValueError, match="a limit needs"):
        Limit(*values)


# --- in one process ------------------------------------------------------------------------


def test_in_one_process_the_window_slides_too(alone: Limiter, clock: Clock) -> None:
    outcomes = []
    for now in (0, 10, 20, 59, 60, 61, 70):
        clock.now = float(now)
        outcomes.append(check(alone, THREE).allowed)

    assert outcomes == [True, True, True, False, True, False, True]


def test_in_one_process_racing_requests_get_the_quota_and_all_or_none_count(
    alone: Limiter,
) -> None:
    with ThreadPoolExecutor(50) as pool:
        decisions = list(pool.map(lambda _: check(alone, FIVE, THREE), range(100)))

    assert [each.allowed for each in decisions].count(True) == 3
    assert check(alone, FIVE).standings[0].remaining == 1


def test_in_one_process_a_flood_of_names_drops_the_least_recent_keys(
    alone: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "MAX_KEYS", 10)
    for number in range(30):
        check(alone, THREE, subject=f"flood {number}")
        check(alone, THREE)

    assert len(alone.local.counted) == 10
    assert alone.key(THREE, "flood 29") in alone.local.counted
    assert not check(alone, THREE).allowed


def test_without_redis_it_says_that_each_process_counts_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Limiter(None, prefix="unused")

    assert "each process counts" in caplog.text


# --- during an outage ----------------------------------------------------------------------


@pytest.fixture(params=["refused", "hung"])
def down(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """A Redis that refuses connections, or accepts them and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "hung":
            listener.listen(100)
        with connect(f"redis://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield client


def test_during_an_outage_requests_are_allowed_or_counted_here(
    down: redis.Redis, clock: Clock
) -> None:
    limiter = Limiter(down, prefix="unused")

    allowed = [limiter.check([(THREE, "ann")], count_locally=False) for _ in range(10)]
    counted = [check(limiter, THREE) for _ in range(10)]

    assert allowed == [None] * 10
    assert [each.allowed for each in counted] == [True] * 3 + [False] * 7


def test_an_outage_costs_one_attempt_a_second_and_one_log_line(
    down: redis.Redis,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempts = []
    count = redis_window.count
    monkeypatch.setattr(
        redis_window, "count", lambda *a: (attempts.append(clock.now), count(*a))[1]
    )
    limiter = Limiter(down, prefix="unused")

    for seconds in range(3):
        clock.now = 1000.0 + seconds
        for _ in range(20):
            limiter.check([(THREE, "ann")], count_locally=False)

    assert attempts == [1000.0, 1001.0, 1002.0]
    assert len(caplog.records) == 1


def test_while_one_request_asks_redis_again_no_other_waits(
    down: redis.Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []
    limiter = Limiter(down, prefix="unused")
    check(limiter, THREE)
    clock.now += 1

    def asking(*_: object) -> None:
        attempts.append(clock.now)
        if len(attempts) < 5:  # another request meanwhile
            check(limiter, THREE, subject="ben")
        raise redis.TimeoutError

    monkeypatch.setattr(redis_window, "count", asking)
    check(limiter, THREE)

    assert len(attempts) == 1


def test_after_an_outage_it_counts_in_redis_again_and_logs_the_next_one(
    limiter: Limiter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise redis.ConnectionError("redis.internal:6379 with a password")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(limiter.client, "evalsha", unavailable)
            assert limiter.check([(THREE, "ann")], count_locally=False) is None
        clock.now += 1
        assert limiter.check([(THREE, "ann")], count_locally=False) is not None

    assert [each.levelno for each in caplog.records] == [logging.ERROR, logging.WARNING] * 2
    assert "internal" not in caplog.text


# --- over HTTP -----------------------------------------------------------------------------


def view_with(used: Limiter, *limits: Limit, locally: bool = True, throttles: int = 1) -> Any:
    class Throttle(RateLimitThrottle):
        limiter, count_locally = used, locally

        def checks(self, request: Request, view: APIView) -> list[tuple[Limit, str]]:
            return [(limit, "ann") for limit in limits]

    class View(APIView):
        authentication_classes: list[type] = []
        permission_classes = [AllowAny]
        throttle_classes = [Throttle] * throttles

        def get(self, request: Request) -> Response:
            return Response({"hello": "world"})

    return View.as_view()


def ask(view: Any, method: str = "get") -> Response:
    response: Response = view(getattr(APIRequestFactory(), method)("/"))
    return response.render()


def test_every_limited_response_has_the_fields_and_429_has_retry_after(alone: Limiter) -> None:
    view = view_with(alone, Limit("burst", 2, 10), Limit("hourly", 100, 3600))

    answers = [ask(view), ask(view, "post"), ask(view)]

    assert [each.status_code for each in answers] == [200, 405, 429]
    policies = {each["RateLimit-Policy"] for each in answers}
    assert policies == {'"burst";q=2;w=10, "hourly";q=100;w=3600'}
    assert [each["RateLimit"] for each in answers] == [
        '"burst";r=1;t=10, "hourly";r=99;t=3600',
        '"burst";r=0;t=10, "hourly";r=98;t=3600',
        '"burst";r=0;t=10, "hourly";r=98;t=3600',
    ]
    assert [each.headers.get("Retry-After") for each in answers] == [None, None, "10"]


def test_a_client_that_waits_for_retry_after_is_allowed(alone: Limiter, clock: Clock) -> None:
    view = view_with(alone, Limit("burst", 1, 10))
    ask(view)
    clock.now += 7.25
    refused = ask(view)
    clock.now += int(refused["Retry-After"])

    assert (refused["Retry-After"], refused["RateLimit"]) == ("3", '"burst";r=0;t=3')
    assert ask(view).status_code == 200


def test_two_throttles_of_a_view_both_show_their_fields(alone: Limiter) -> None:
    answer = ask(view_with(alone, THREE, throttles=2))

    assert answer["RateLimit"] == '"three";r=2;t=60, "three";r=1;t=60'


def test_a_request_without_limits_has_no_fields(alone: Limiter) -> None:
    answer = ask(view_with(alone))

    assert answer.status_code == 200
    assert "RateLimit" not in answer
    assert "RateLimit-Policy" not in answer


def test_an_uncounted_response_has_no_fields(down: redis.Redis) -> None:
    answer = ask(view_with(Limiter(down, prefix="unused"), THREE, locally=False))

    assert (answer.status_code, "RateLimit" in answer) == (200, False)


@pytest.mark.native
def test_a_failover_ends_the_idle_connections_of_a_plain_client(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        try:
            retry = Retry(ConstantBackoff(0.05), 200)
            with redis.Redis(port=port, retry=retry) as admin, redis.Redis(port=port) as client:
                admin.ping()
                limiter = Limiter(client, prefix="test", retry_seconds=0)
                pool = client.connection_pool
                together = [pool.get_connection() for _ in range(3)]
                for each in together:
                    pool.release(each)
                admin.replicaof("127.0.0.1", 1)
                during = limiter.check([(THREE, "ann")], count_locally=False)
                connected: Any = admin.info("clients")
                admin.replicaof("NO", "ONE")
                after = limiter.check([(THREE, "ann")], count_locally=False)

                assert during is None
                assert connected["connected_clients"] <= 2  # ours, and the one that met READONLY
                assert after is not None
        finally:
            process.kill()
