"""The pattern without the shop: limits of its own, under keys of its own, in the Redis that REDIS_URL names."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import windows
from .limiter import Limiter, LimiterAway
from .limits import Limit
from .throttle import RateLimitThrottle
from .windows import LocalWindow, RedisWindow

SECOND = 1_000_000  # in Redis's microseconds
THREE, FIVE = Limit("three", 3, 60), Limit("five", 5, 600)


def connect(url: str, **options: Any) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0), **options)


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these tests need Redis: `make test` starts one, or set REDIS_URL")
    with connect(os.environ["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def prefix(client: redis.Redis) -> Iterator[str]:
    """Keys of this test only, and none left behind."""
    prefix = f"test-{secrets.token_hex(8)}"
    yield prefix
    if keys := list(client.scan_iter(match=f"{prefix}*", count=1000)):
        client.delete(*keys)


@pytest.fixture
def window(client: redis.Redis, prefix: str) -> RedisWindow:
    return RedisWindow(client, prefix)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def counted_ago(window: RedisWindow, limit: Limit, *ages_seconds: float) -> None:
    """As if "ann" had been counted then."""
    seconds, microseconds = window.client.time()  # type: ignore[misc]
    now = seconds * SECOND + microseconds
    window.client.rpush(window.key(limit, "ann"), *(int(now - age * SECOND) for age in ages_seconds))


def test_of_many_at_once_exactly_the_quota_is_allowed(prefix: str, client: redis.Redis) -> None:
    limiters = [Limiter(client, prefix=prefix) for _ in range(2)]

    with ThreadPoolExecutor(50) as pool:
        decisions = list(pool.map(lambda n: limiters[n % 2].check([(FIVE, "ann")], when_away="refuse"), range(100)))

    assert [each.allowed for each in decisions if each].count(True) == 5


def test_a_place_is_free_when_the_oldest_leaves_the_window_and_not_before(window: RedisWindow) -> None:
    counted_ago(window, THREE, 61, 59, 1)

    last, refused = window.count([(THREE, "ann")]), window.count([(THREE, "ann")])

    assert (last.allowed, last.remaining) == (True, 0)
    assert (refused.allowed, refused.remaining, refused.retry_after_seconds) == (False, 0, 1)


def test_no_window_holds_more_than_the_quota_not_even_around_an_edge(window: RedisWindow) -> None:
    counted_ago(window, THREE, 31, 30, 29)

    refused = window.count([(THREE, "ann")])

    assert (refused.allowed, refused.retry_after_seconds) == (False, 29)


def test_a_quota_that_was_larger_yesterday_says_when_it_is_enough(window: RedisWindow) -> None:
    counted_ago(window, THREE, 50, 40, 30, 20, 10)

    refused = window.count([(THREE, "ann")])

    assert (refused.allowed, refused.remaining, refused.retry_after_seconds) == (False, 0, 30)


def test_others_and_other_limits_are_counted_apart(window: RedisWindow) -> None:
    allowed = [window.count([(limit, whom)]).allowed for limit in (THREE, FIVE) for whom in ("ann", "ben") for _ in range(6)]

    assert allowed.count(True) == 2 * 3 + 2 * 5


@pytest.mark.parametrize("order", [[THREE, FIVE], [FIVE, THREE]])
def test_a_request_that_one_limit_refuses_counts_for_none(window: RedisWindow, order: list[Limit]) -> None:
    for _ in range(10):
        last = window.count([(limit, "ann") for limit in order])

    assert {standing.limit.name: standing.remaining for standing in last.standings} == {"three": 0, "five": 2}
    assert window.client.llen(window.key(FIVE, "ann")) == 3
    assert (last.limit, last.retry_after_seconds) == (THREE, 60)


def test_the_wait_is_that_of_the_last_limit_that_refuses(window: RedisWindow) -> None:
    counted_ago(window, THREE, 20, 10, 5)
    counted_ago(window, FIVE, 60, 50, 40, 30, 20)

    assert window.count([(THREE, "ann"), (FIVE, "ann")]).retry_after_seconds == 540


def test_any_number_of_limits_is_one_round_trip(window: RedisWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    window.count([(THREE, "ann")])  # Redis knows the script from here on
    sent = []
    send = redis.connection.AbstractConnection.send_packed_command
    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", lambda *a, **k: (sent.append(a), send(*a, **k))[1])

    window.count([(THREE, "ann"), (FIVE, "ann"), (FIVE, "ben")])

    assert len(sent) == 1


def test_a_redis_that_has_forgotten_the_script_is_told_it(window: RedisWindow) -> None:
    window.count([(THREE, "ann")])
    window.client.script_flush()

    assert window.count([(THREE, "ann")]).remaining == 1


def test_the_processes_clocks_do_not_matter(prefix: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = []
    for skew in (0, 3600, -3600, 7200, 0):
        now = time.time() + skew
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            allowed.append(RedisWindow(client, prefix).count([(THREE, "ann")]).allowed)

    assert allowed == [True, True, True, False, False]


def test_a_key_holds_the_quota_at_most_and_expires_with_its_youngest(window: RedisWindow) -> None:
    twenty = Limit("twenty", 20, 60)
    for _ in range(200):
        window.count([(twenty, "ann")])
    key = window.key(twenty, "ann")

    assert window.client.llen(key) == 20
    assert 59_000 < int(window.client.pttl(key)) <= 60_000  # type: ignore[arg-type]
    assert int(window.client.memory_usage(key, samples=0) or 0) <= 500  # type: ignore[arg-type]


def test_a_key_is_short_and_tells_no_name(window: RedisWindow) -> None:
    for whom in ("ann", "ann" * 100_000, "\ud800"):
        window.count([(THREE, whom)])

        assert len(window.key(THREE, whom)) == len(window.prefix) + len(":three:") + 32
        assert "ann" not in window.key(THREE, whom)


@pytest.mark.parametrize("broken", [("a b", 1, 1), ('"', 1, 1), ("", 1, 1), ("ok", 0, 1), ("ok", 1, 0)])
def test_a_limit_that_cannot_be_kept_or_said_is_refused(broken: tuple[str, int, int]) -> None:
    with pytest.raises(ValueError, match="a limit needs"):
        Limit(*broken)


# --- in one process -------------------------------------------------------------------------------------


def test_in_memory_the_window_moves_too() -> None:
    clock = Clock()
    here = LocalWindow(clock)
    outcomes = []
    for now in (0, 10, 20, 59, 60, 61, 70):
        clock.now = float(now)
        outcomes.append(here.count([(THREE, "ann")]).allowed)

    assert outcomes == [True, True, True, False, True, False, True]


def test_in_memory_many_at_once_get_the_quota_and_all_limits_or_none_count() -> None:
    here = LocalWindow(time.monotonic)

    with ThreadPoolExecutor(50) as pool:
        decisions = list(pool.map(lambda _: here.count([(FIVE, "ann"), (THREE, "ann")]), range(100)))

    assert [each.allowed for each in decisions].count(True) == 3
    assert here.count([(FIVE, "ann")]).remaining == 1


def test_in_memory_the_longest_unused_keys_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_KEYS", 10)
    here = LocalWindow(Clock())
    here.count([(THREE, "ann")])
    for number in range(30):
        here.count([(THREE, f"flood {number}")])
        here.count([(THREE, "ann")])

    assert len(here.counted) == 10
    assert ("three", "flood 29") in here.counted
    assert not here.count([(THREE, "ann")]).allowed


# --- while Redis is away ----------------------------------------------------------------------------------


@pytest.fixture(params=["refused", "hung"])
def away(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    """A Redis that refuses connections, or takes them and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "hung":
            listener.listen(100)
        with connect(f"redis://127.0.0.1:{listener.getsockname()[1]}") as client:
            yield client


def test_while_redis_is_away_requests_are_answered_as_the_policy_says(away: redis.Redis) -> None:
    limiter = Limiter(away, prefix="unused", clock=Clock())

    let_through = [limiter.check([(THREE, "ann")], when_away="let_through") for _ in range(10)]
    counted = [limiter.check([(THREE, "ann")], when_away="count_here") for _ in range(10)]

    assert let_through == [None] * 10
    assert [each.allowed for each in counted if each] == [True] * 3 + [False] * 7
    with pytest.raises(LimiterAway):
        limiter.check([(THREE, "ann")], when_away="refuse")


def test_an_outage_costs_one_attempt_a_second_and_one_line_of_the_log(
    away: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, attempts = Clock(), []
    limiter = Limiter(away, prefix="unused", clock=clock)
    count = limiter.redis.count  # type: ignore[union-attr]
    monkeypatch.setattr(limiter.redis, "count", lambda checks: (attempts.append(clock.now), count(checks))[1])

    for seconds in range(3):
        clock.now = 1000.0 + seconds
        for _ in range(20):
            limiter.check([(THREE, "ann")], when_away="let_through")

    assert attempts == [1000.0, 1001.0, 1002.0]
    assert len(caplog.records) == 1


def test_while_one_request_asks_whether_redis_is_back_no_other_waits(away: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, attempts = Clock(), []
    limiter = Limiter(away, prefix="unused", clock=clock)
    limiter.check([(THREE, "ann")], when_away="let_through")
    clock.now += 1

    def asking(_: object) -> None:
        attempts.append(clock.now)
        if len(attempts) < 5:  # another request, while this one waits
            limiter.check([(THREE, "ben")], when_away="let_through")
        raise redis.TimeoutError

    monkeypatch.setattr(limiter.redis, "count", asking)
    limiter.check([(THREE, "ann")], when_away="let_through")

    assert len(attempts) == 1


def test_when_redis_is_back_it_counts_again_and_the_next_outage_is_news(
    client: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    limiter = Limiter(client, prefix=prefix, clock=clock)
    assert limiter.redis is not None

    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError("redis.internal:6379 with a password")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(client, "evalsha", away)
            assert limiter.check([(THREE, "ann")], when_away="let_through") is None
        clock.now += 1
        assert limiter.check([(THREE, "ann")], when_away="let_through") is not None

    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING] * 2
    assert "internal" not in caplog.text


def test_without_redis_it_says_that_each_process_counts_alone(caplog: pytest.LogCaptureFixture) -> None:
    limiter = Limiter(None, prefix="unused")

    allowed = [limiter.check([(THREE, "ann")], when_away="refuse") for _ in range(5)]

    assert [each.allowed for each in allowed if each] == [True] * 3 + [False] * 2
    assert "each process counts" in caplog.text


# --- over HTTP --------------------------------------------------------------------------------------------


def view_with(limiter: Limiter, *limits: Limit, policy: Any = "refuse", throttles: int = 1) -> Any:
    class Throttle(RateLimitThrottle):
        when_away = policy

        def limiter(self) -> Limiter:
            return limiter

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


def test_every_limited_answer_has_the_fields_and_a_429_says_when_to_come_again() -> None:
    view = view_with(Limiter(None, prefix="unused", clock=Clock()), Limit("burst", 2, 10), Limit("hourly", 100, 3600))

    answers = [ask(view), ask(view, "post"), ask(view)]

    assert [each.status_code for each in answers] == [200, 405, 429]
    assert {each["RateLimit-Policy"] for each in answers} == {'"burst";q=2;w=10, "hourly";q=100;w=3600'}
    assert [each["RateLimit"] for each in answers] == [
        '"burst";r=1;t=10, "hourly";r=99;t=3600',
        '"burst";r=0;t=10, "hourly";r=98;t=3600',
        '"burst";r=0;t=10, "hourly";r=98;t=3600',
    ]
    assert [each.headers.get("Retry-After") for each in answers] == [None, None, "10"]


def test_a_wait_is_rounded_up_so_that_who_waits_it_is_let_in() -> None:
    clock = Clock()
    view = view_with(Limiter(None, prefix="unused", clock=clock), Limit("burst", 1, 10))
    ask(view)
    clock.now += 7.25
    refused = ask(view)
    clock.now += int(refused["Retry-After"])

    assert (refused["Retry-After"], refused["RateLimit"]) == ("3", '"burst";r=0;t=3')
    assert ask(view).status_code == 200


def test_two_throttles_of_a_view_show_both_their_fields() -> None:
    answer = ask(view_with(Limiter(None, prefix="unused", clock=Clock()), THREE, throttles=2))

    assert answer["RateLimit"] == '"three";r=2;t=60, "three";r=1;t=60'


def test_what_is_not_limited_has_no_fields() -> None:
    answer = ask(view_with(Limiter(None, prefix="unused")))

    assert answer.status_code == 200
    assert "RateLimit" not in answer
    assert "RateLimit-Policy" not in answer


def test_a_throttle_that_refuses_while_redis_is_away_answers_503(away: redis.Redis) -> None:
    refused = ask(view_with(Limiter(away, prefix="unused"), THREE))
    let_through = ask(view_with(Limiter(away, prefix="unused"), THREE, policy="let_through"))

    assert (refused.status_code, refused["Retry-After"]) == (503, "1")
    assert (let_through.status_code, "RateLimit" in let_through) == (200, False)
