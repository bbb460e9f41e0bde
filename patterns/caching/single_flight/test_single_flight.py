"""Single flight on a real Redis."""

import json
import math
import multiprocessing
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import SingleFlight, StillLoading

CROWD = 20


def connect(**options: Any) -> redis.Redis:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("this pattern needs Redis: set REDIS_URL")
    retry = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5, retry=retry, **options)


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with connect() as client:
        yield client


@pytest.fixture
def key(client: redis.Redis) -> Iterator[str]:
    key = f"test-{secrets.token_hex(8)}"
    yield key
    client.delete(key, lock_of(key), version_of(key))


@pytest.fixture(autouse=True)
def chance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """No jitter and no early expiry, unless a test says otherwise."""

    def say(number: float) -> None:
        monkeypatch.setattr("random.random", lambda: number)

    say(0.0)
    return say


def lock_of(key: str) -> str:
    return f"{{{key}}}:lock"


def version_of(key: str) -> str:
    return f"{key}:version"


def flight(client: redis.Redis, **changes: Any) -> SingleFlight:
    values = {"fresh_seconds": 60, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 10}
    return SingleFlight(client=client, **{**values, **changes})


def pass_time(client: redis.Redis, key: str, seconds: float) -> None:
    """Makes the entry as old as it will be in so many seconds."""
    entry = json.loads(client.get(key))
    entry["loaded_at"] -= seconds
    entry["fresh_until"] -= seconds
    client.set(key, json.dumps(entry), keepttl=True)


def never() -> None:
    raise AssertionError("loaded a second time")


def test_while_one_loads_the_others_get_the_stale_value(client: redis.Redis, key: str) -> None:
    flight(client).get(key, lambda: "old")
    pass_time(client, key, 61)
    with ThreadPoolExecutor(CROWD) as crowd:

        def load() -> str:
            # returns only when every other has its answer, so none of them can have waited
            visits = [crowd.submit(flight(client).get, key, never) for _ in range(CROWD - 1)]
            others.extend(each.result(timeout=10) for each in visits)
            return "new"

        others: list[Any] = []
        ours = flight(client).get(key, load)

    assert (ours.value, ours.outcome) == ("new", "refresh")
    assert [(each.value, each.outcome) for each in others] == [("old", "stale")] * (CROWD - 1)
    assert all(-60 < each.ttl_seconds < -1 for each in others)


def test_without_a_stale_value_the_others_wait_for_the_one_load(
    client: redis.Redis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, everybody_waits, sleep, loads = set(), threading.Event(), time.sleep, []

    def nap(seconds: float) -> None:
        waiting.add(threading.get_ident())
        if len(waiting) == CROWD - 1:
            everybody_waits.set()
        sleep(seconds)

    def load() -> str:
        loads.append(1)
        assert everybody_waits.wait(10)
        return "new"

    monkeypatch.setattr("time.sleep", nap)
    with ThreadPoolExecutor(CROWD) as crowd:
        visits = [crowd.submit(flight(client).get, key, load) for _ in range(CROWD)]
        answers = [each.result(timeout=20) for each in visits]

    assert len(loads) == 1
    assert {each.value for each in answers} == {"new"}
    assert sorted(each.outcome for each in answers) == ["collapsed"] * (CROWD - 1) + ["miss"]


@pytest.mark.parametrize("was_stale", [False, True])
def test_a_value_loaded_between_read_and_claim_is_not_loaded_again(
    key: str, was_stale: bool
) -> None:
    class SlowToClaim(redis.Redis):
        def pipeline(self, *words: Any, **options: Any) -> Any:
            flight(other).get(key, lambda: "theirs")
            return super().pipeline(*words, **options)

    with connect() as other, SlowToClaim(connection_pool=other.connection_pool) as slow:
        if was_stale:
            flight(other).get(key, lambda: "old")
            pass_time(other, key, 61)
        answer = flight(slow).get(key, never)

        assert (answer.value, answer.outcome) == ("theirs", "hit" if was_stale else "collapsed")
        assert not other.exists(lock_of(key))


def test_a_wait_is_bounded(client: redis.Redis, key: str) -> None:
    client.set(lock_of(key), "another's", ex=10)

    with pytest.raises(StillLoading):
        flight(client, wait_seconds=0.1).get(key, never)


def load_for_ever(key: str, lock_seconds: float, tell: Any) -> None:
    """The process that will be killed."""

    def load() -> None:
        tell.send("loading")
        threading.Event().wait(60)

    flight(connect(), lock_seconds=lock_seconds).get(key, load)


@pytest.fixture
def kill_a_loader(key: str) -> Callable[[float], None]:
    """A process that holds the lock and is killed while it loads."""

    def kill(lock_seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        listen, tell = context.Pipe(duplex=False)
        process = context.Process(target=load_for_ever, args=(key, lock_seconds, tell), daemon=True)
        process.start()
        assert listen.poll(30), "the loader did not start"
        process.kill()  # SIGKILL: no `except` and no `finally` runs
        process.join()

    return kill


def test_a_killed_loader_is_replaced_within_the_lock_time(
    client: redis.Redis, key: str, kill_a_loader: Callable[[float], None]
) -> None:
    flight(client).get(key, lambda: "old")
    pass_time(client, key, 61)
    kill_a_loader(1.0)
    lock_left_seconds = client.pttl(lock_of(key)) / 1000
    deadline = time.monotonic() + lock_left_seconds + 1
    outcomes: list[str] = []
    while "refresh" not in outcomes and time.monotonic() < deadline:
        outcomes.append(flight(client).get(key, lambda: "new").outcome)

    assert 0 < lock_left_seconds <= 1.0
    assert outcomes == ["stale"] * (len(outcomes) - 1) + ["refresh"]
    assert len(outcomes) > 1


def test_a_caller_that_waits_for_a_killed_loader_loads(
    client: redis.Redis, key: str, kill_a_loader: Callable[[float], None]
) -> None:
    kill_a_loader(1.0)

    answer = flight(client, lock_seconds=1.0, wait_seconds=5).get(key, lambda: "new")

    assert (answer.value, answer.outcome) == ("new", "miss")


def test_a_loader_that_outlasts_its_lock_stores_nothing(client: redis.Redis, key: str) -> None:
    def load() -> str:
        client.set(lock_of(key), "the successor's", ex=10)  # ours expired, another has begun
        return "too late"

    answer = flight(client).get(key, load)

    assert (answer.value, answer.is_stored) == ("too late", False)
    assert client.get(key) is None
    assert client.get(lock_of(key)) == b"the successor's"


def test_a_loader_that_raises_after_its_lock_releases_no_other(
    client: redis.Redis, key: str
) -> None:
    def load() -> None:
        client.set(lock_of(key), "the successor's", ex=10)
        raise LookupError

    with pytest.raises(LookupError):
        flight(client).get(key, load)
    assert client.get(lock_of(key)) == b"the successor's"


@pytest.mark.parametrize("load", [lambda: 1 / 0, lambda: {"not": {"JSON"}}, sys.exit])
def test_a_loader_that_raises_releases_its_lock(
    client: redis.Redis, key: str, load: Callable[[], Any]
) -> None:
    with pytest.raises((ZeroDivisionError, TypeError, SystemExit)):
        flight(client).get(key, load)
    assert not client.exists(key, lock_of(key))


def test_a_lock_lives_no_longer_than_lock_seconds(client: redis.Redis, key: str) -> None:
    lives: list[int] = []
    flight(client, lock_seconds=5).get(key, lambda: lives.append(client.pttl(lock_of(key))))

    assert 0 < lives[0] <= 5_000


PLANTED = [
    b"cbuiltins\nexit\n(I7\ntR.", b"\x80\x04.", b"7", b"[]", b"{}", b"null", b"[" * 50_000, b"",
    *(
        b'{"value": 1, "loaded_at": 0, "fresh_until": %b, "load_seconds": 0, "version": %b}' % pair
        for pair in (
            (b"1e999", b"null"), (b"NaN", b"null"), (b"1" + b"0" * 400, b"null"),
            (b'"soon"', b"null"), (b"9e9", b"[]"), (b"9e9", b'"another"'),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_value_is_a_miss_and_is_replaced(
    client: redis.Redis, key: str, planted: bytes
) -> None:
    client.set(key, planted)

    assert flight(client).get(key, lambda: "new").outcome == "miss"
    assert flight(client).get(key, never).outcome == "hit"


def test_every_caller_gets_the_value_as_json(client: redis.Redis, key: str) -> None:
    first = flight(client).get(key, lambda: {1: ("a", "b")})
    second = flight(client).get(key, never)

    assert first.value == second.value == {"1": ["a", "b"]}


def test_numbers_come_back_as_they_were_loaded(client: redis.Redis, key: str) -> None:
    flight(client).get(key, lambda: [10**21 + 1, 0.1, float("nan"), float("inf"), "\ud800"])

    big, small, nan, inf, text = flight(client).get(key, never).value

    assert (big, small, inf, text) == (10**21 + 1, 0.1, math.inf, "\ud800")
    assert math.isnan(nan)


def test_keys_stored_together_expire_apart_and_never_late(
    client: redis.Redis, key: str, chance: Callable[[float], None]
) -> None:
    ttls = []
    for number in (0.0, 0.5, 0.999):
        chance(number)
        ttls.append(flight(client).get(key, lambda: "new").ttl_seconds)
        assert 595 < client.pttl(key) / 1000 - ttls[-1] <= 601  # and stay stale_seconds longer
        client.delete(key)

    assert ttls == pytest.approx([60, 57, 54], abs=0.5)


def test_a_value_slow_to_load_may_be_renewed_before_it_expires(
    client: redis.Redis, key: str, chance: Callable[[float], None]
) -> None:
    flight(client).get(key, lambda: "old")
    entry = json.loads(client.get(key))
    client.set(key, json.dumps({**entry, "load_seconds": 100}))  # 20 to 60 s are left

    chance(0.1)  # 100 s × -ln 0.9 = 10.5 s
    assert flight(client).get(key, never).outcome == "hit"
    chance(0.6)  # 100 s × -ln 0.4 = 91.6 s
    assert flight(client).get(key, lambda: "new").outcome == "refresh"


def test_while_one_renews_early_the_others_hit(
    client: redis.Redis, key: str, chance: Callable[[float], None]
) -> None:
    flight(client).get(key, lambda: "old")
    entry = json.loads(client.get(key))
    client.set(key, json.dumps({**entry, "load_seconds": 1000}))
    chance(0.999)
    others: list[Any] = []
    flight(client).get(key, lambda: others.append(flight(client).get(key, never)))

    assert [(each.value, each.outcome) for each in others] == [("old", "hit")]


class Counting(redis.Connection):
    """Counts what is sent, whether it holds one command or a pipeline."""

    sent = 0

    def send_packed_command(self, *words: Any, **options: Any) -> None:
        Counting.sent += 1
        super().send_packed_command(*words, **options)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("is_versioned", [False, True])
def test_a_hit_is_one_round_trip_and_a_load_three(key: str, is_versioned: bool) -> None:
    version_key = version_of(key) if is_versioned else ""
    with connect(connection_class=Counting) as client:
        client.ping()  # the handshake is not counted
        counts = []
        for load in (lambda: "new", never):
            before = Counting.sent
            flight(client).get(key, load, version_key=version_key)
            counts.append(Counting.sent - before)

    assert counts == [3, 1]


def test_a_loaded_value_is_not_lost_when_redis_fails(client: redis.Redis, key: str) -> None:
    class DiesBeforeTheStore(redis.Redis):
        def eval(self, *_: Any, **__: Any) -> Any:
            raise redis.ConnectionError("died")

    with DiesBeforeTheStore(connection_pool=client.connection_pool) as dying:
        answer = flight(dying).get(key, lambda: "new")

    assert (answer.value, answer.is_stored) == ("new", False)


def test_an_unavailable_redis_is_an_error_for_the_caller() -> None:
    with (
        redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nobody,
        pytest.raises(redis.RedisError),
    ):
        flight(nobody).get("a key", never)


def test_an_answer_says_how_old_it_is(client: redis.Redis, key: str) -> None:
    first = flight(client).get(key, lambda: "new")
    pass_time(client, key, 30)
    later = flight(client).get(key, never)

    assert 0 <= first.age_seconds < 10
    assert 30 <= later.age_seconds < 40


def test_a_value_of_an_earlier_version_is_not_returned(client: redis.Redis, key: str) -> None:
    version_key = version_of(key)
    flight(client).get(key, lambda: "old", version_key=version_key)
    hit = flight(client).get(key, never, version_key=version_key)
    client.set(version_key, "changed")
    answer = flight(client).get(key, lambda: "new", version_key=version_key)

    assert (hit.outcome, answer.value, answer.outcome) == ("hit", "new", "miss")


def test_a_load_that_a_change_overtook_is_not_returned_later(client: redis.Redis, key: str) -> None:
    def load() -> str:
        client.set(version_of(key), "changed")
        return "old"

    first = flight(client).get(key, load, version_key=version_of(key))
    second = flight(client).get(key, lambda: "new", version_key=version_of(key))

    assert (first.value, second.value) == ("old", "new")


def test_a_version_that_redis_lost_does_not_come_back(client: redis.Redis, key: str) -> None:
    version_key = version_of(key)
    flight(client).get(key, lambda: "old", version_key=version_key)
    for value in ("new", "newer"):
        client.delete(version_key)  # evicted
        assert flight(client).get(key, lambda: value, version_key=version_key).value == value  # noqa: B023


@pytest.mark.parametrize("came_first", [True, False])
def test_a_waiter_gets_no_value_from_before_it_came(
    client: redis.Redis, key: str, came_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    version_key, waits, sleep = version_of(key), threading.Event(), time.sleep

    def nap(seconds: float) -> None:
        waits.set()
        sleep(seconds)

    def load() -> str:
        if not came_first:
            client.set(version_key, "changed")
        others.append(crowd.submit(flight(client).get, key, lambda: "new", version_key=version_key))
        assert waits.wait(10)
        if came_first:
            client.set(version_key, "changed")
        return "old"

    monkeypatch.setattr("time.sleep", nap)
    others: list[Any] = []
    with ThreadPoolExecutor(1) as crowd:
        flight(client).get(key, load, version_key=version_key)
        waiter = others[0].result(timeout=10)

    assert waiter.value == ("old" if came_first else "new")
