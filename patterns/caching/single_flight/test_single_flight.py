"""The pattern without the shop, on a real Redis. What is loaded is a number, and who loads it is noted."""

import json
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

from . import SingleFlight, StillLoading, decode

NOW = 1_800_000_000.0
CROWD = 20


def connect(**options: Any) -> redis.Redis:
    if not os.environ.get("REDIS_URL"):
        pytest.fail("these promises are Redis's: set REDIS_URL")
    return redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0), **options)


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with connect() as client:
        yield client


@pytest.fixture
def key(client: redis.Redis) -> Iterator[str]:
    key = f"test-{secrets.token_hex(8)}"
    yield key
    client.delete(key, lock_of(key))


def lock_of(key: str) -> str:
    return f"{{{key}}}:lock"


def at(now: float, client: redis.Redis, **changes: Any) -> SingleFlight:
    """A flight at a fixed time, with no chance in it: nothing expires early."""
    values: dict[str, Any] = {"fresh_seconds": 60, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 10, "chance": lambda: 0.0}
    return SingleFlight(client=client, **{**values, "clock": lambda: now, **changes})


def never() -> None:
    raise AssertionError("loaded a second time")


def test_while_one_loads_all_others_get_the_stale_value_at_once(client: redis.Redis, key: str) -> None:
    at(NOW, client).get(key, lambda: "old")
    later = at(NOW + 61, client)
    with ThreadPoolExecutor(CROWD) as crowd:

        def load() -> str:
            # returns only when every other has its answer, so none of them can have waited for it
            others.extend(each.result(timeout=10) for each in [crowd.submit(later.get, key, never) for _ in range(CROWD - 1)])
            return "new"

        others: list[Any] = []
        ours = later.get(key, load)

    assert (ours.value, ours.outcome) == ("new", "refresh")
    assert [(each.value, each.outcome, each.ttl_seconds) for each in others] == [("old", "stale", -1.0)] * (CROWD - 1)


def test_with_no_stale_value_all_others_wait_for_the_one_load(client: redis.Redis, key: str) -> None:
    here, loads = threading.Barrier(CROWD, timeout=10), []
    first_turn = threading.local()

    def sleep(seconds: float) -> None:
        if not hasattr(first_turn, "is_over"):
            first_turn.is_over = True
            here.wait()
        time.sleep(seconds)

    def load() -> str:
        loads.append(1)
        here.wait()  # nobody has an answer before everybody else waits
        return "new"

    # each with a client of its own, as in a process of its own: nobody asks for another
    clients = [redis.Redis(connection_pool=client.connection_pool) for _ in range(CROWD)]
    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(lambda each: at(NOW, each, sleep=sleep).get(key, load), clients))

    assert len(loads) == 1
    assert {each.value for each in answers} == {"new"}
    assert sorted(each.outcome for each in answers) == ["collapsed"] * (CROWD - 1) + ["miss"]


class Far(redis.Redis):
    """Far away, and counts its round trips."""

    trips = 0

    def execute_command(self, *words: Any, **options: Any) -> Any:
        self.trips += 1
        time.sleep(0.05)
        return super().execute_command(*words, **options)

    def pipeline(self, *words: Any, **options: Any) -> Any:
        self.trips += 1
        return super().pipeline(*words, **options)


@pytest.mark.parametrize("was_stale", [False, True])
def test_threads_that_come_together_ask_redis_together(client: redis.Redis, key: str, was_stale: bool) -> None:
    def load() -> str:
        if not was_stale:
            wait_until(lambda: len(here) == CROWD and naps)  # all are waiting, and one of them asks for all
        return "new"

    if was_stale:
        at(NOW - 61, client).get(key, lambda: "old")
    here, naps, gate = [], [], threading.Barrier(CROWD, timeout=10)
    far = Far(connection_pool=client.connection_pool)

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        time.sleep(seconds)

    def one(_: int) -> Any:
        gate.wait()
        here.append(1)
        return at(NOW, far, sleep=sleep).get(key, load)

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(one, range(CROWD)))

    assert far.trips - len(naps) < CROWD  # those who wait ask after each nap, one for all; each for itself would be two by each at least
    assert sum(each.outcome in ("miss", "refresh") for each in answers) == 1
    assert {each.value for each in answers} <= ({"old", "new"} if was_stale else {"new"})


def wait_until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_is_shared_is_a_value_of_ones_own(client: redis.Redis, key: str) -> None:
    at(NOW, client).get(key, lambda: ["a list"])
    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(lambda _: at(NOW, client).get(key, never).value, range(CROWD)))

    assert len({id(value) for value in answers}) == CROWD


@pytest.mark.parametrize("was_stale", [False, True])
def test_what_another_has_loaded_between_our_look_and_our_claim_is_not_loaded_again(key: str, was_stale: bool) -> None:
    class SlowToClaim(redis.Redis):
        def pipeline(self, *words: Any, **options: Any) -> Any:
            at(NOW, other).get(key, lambda: "theirs")
            return super().pipeline(*words, **options)

    with connect() as other, SlowToClaim(connection_pool=other.connection_pool) as slow:
        if was_stale:
            at(NOW - 61, other).get(key, lambda: "old")
        answer = at(NOW, slow).get(key, never)

        assert (answer.value, answer.outcome) == ("theirs", "hit" if was_stale else "collapsed")
        assert not other.exists(lock_of(key))


def test_who_waits_in_vain_is_told_so(client: redis.Redis, key: str) -> None:
    client.set(lock_of(key), "another's", ex=10)

    with pytest.raises(StillLoading):
        at(NOW, client, wait_seconds=0.1).get(key, never)


def load_for_ever(key: str, lock_seconds: float, tell: Any) -> None:
    """What the process does that will be killed."""

    def load() -> None:
        tell.send("loading")
        threading.Event().wait(60)

    at(NOW, connect(), lock_seconds=lock_seconds).get(key, load)


@pytest.fixture
def killed_loader(key: str) -> Callable[[float], None]:
    """A process that holds the lock and is killed in its load."""

    def kill(lock_seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        listen, tell = context.Pipe(duplex=False)
        process = context.Process(target=load_for_ever, args=(key, lock_seconds, tell), daemon=True)
        process.start()
        assert listen.poll(30), "the loader did not start"
        process.kill()  # SIGKILL: no `except` and no `finally` of ours runs
        process.join()

    return kill


def test_a_killed_loader_is_followed_within_the_locks_time_and_meanwhile_the_stale_value_is_served(
    client: redis.Redis, key: str, killed_loader: Callable[[float], None]
) -> None:
    at(NOW - 61, client).get(key, lambda: "old")
    killed_loader(1.0)
    lock_left_seconds = client.pttl(lock_of(key)) / 1000
    deadline = time.monotonic() + lock_left_seconds + 1
    flight, outcomes = at(NOW, client), []
    while "refresh" not in outcomes and time.monotonic() < deadline:
        outcomes.append(flight.get(key, lambda: "new").outcome)

    assert 0 < lock_left_seconds <= 1.0
    assert outcomes == ["stale"] * (len(outcomes) - 1) + ["refresh"]
    assert len(outcomes) > 1


def test_who_waits_for_a_killed_loader_loads_as_soon_as_its_lock_is_free(
    client: redis.Redis, key: str, killed_loader: Callable[[float], None]
) -> None:
    killed_loader(1.0)

    answer = at(NOW, client, lock_seconds=1.0, wait_seconds=5).get(key, lambda: "new")

    assert (answer.value, answer.outcome) == ("new", "miss")


def test_a_loader_that_outlasts_its_lock_stores_nothing_and_frees_nobodys_lock(client: redis.Redis, key: str) -> None:
    def load() -> str:
        client.set(lock_of(key), "the successor's", ex=10)  # ours has run out, and another has begun
        return "too late"

    answer = at(NOW, client).get(key, load)

    assert (answer.value, answer.is_stored) == ("too late", False)
    assert client.get(key) is None
    assert client.get(lock_of(key)) == b"the successor's"


def test_a_loader_that_raises_after_its_lock_ran_out_frees_nobodys_lock(client: redis.Redis, key: str) -> None:
    def load() -> None:
        client.set(lock_of(key), "the successor's", ex=10)
        raise LookupError

    with pytest.raises(LookupError):
        at(NOW, client).get(key, load)
    assert client.get(lock_of(key)) == b"the successor's"


@pytest.mark.parametrize("load", [lambda: 1 / 0, lambda: {"not": {"JSON"}}, sys.exit])
def test_a_loader_that_fails_frees_its_lock_at_once(client: redis.Redis, key: str, load: Callable[[], Any]) -> None:
    with pytest.raises((ZeroDivisionError, TypeError, SystemExit)):
        at(NOW, client).get(key, load)
    assert not client.exists(key, lock_of(key))


def test_a_lock_lives_no_longer_than_promised(client: redis.Redis, key: str) -> None:
    lives: list[int] = []
    at(NOW, client, lock_seconds=5).get(key, lambda: lives.append(client.pttl(lock_of(key))))

    assert 0 < lives[0] <= 5_000


@pytest.mark.parametrize("planted", [b"cbuiltins\nexit\n(I7\ntR.", b"\x80\x04.", b"7", b"[]", b"{}", b"null", b"[" * 50_000, b""])
def test_what_is_not_our_json_is_a_miss_and_is_never_executed(client: redis.Redis, key: str, planted: bytes) -> None:
    client.set(key, planted)

    assert at(NOW, client).get(key, lambda: "new").outcome == "miss"
    assert at(NOW, client).get(key, never).outcome == "hit"


@pytest.mark.parametrize("until", ["1e999", "NaN", "1" + "0" * 400, '"soon"'])
def test_a_planted_expiry_that_never_comes_is_a_miss(client: redis.Redis, key: str, until: str) -> None:
    client.set(key, f'{{"value": "planted", "loaded_at": 0, "fresh_until": {until}, "load_seconds": 0}}')

    assert at(NOW, client).get(key, lambda: "new").value == "new"


def test_every_caller_gets_the_value_as_json_says_it(client: redis.Redis, key: str) -> None:
    first = at(NOW, client).get(key, lambda: {1: ("a", "b")})
    second = at(NOW, client).get(key, never)

    assert first.value == second.value == {"1": ["a", "b"]}


def test_keys_that_are_stored_together_expire_apart_and_never_late(client: redis.Redis, key: str) -> None:
    chances = iter([0.0, 0.5, 0.999])
    ttls = []
    for _ in range(3):
        ttls.append(at(NOW, client, chance=lambda: next(chances)).get(key, lambda: "new").ttl_seconds)
        assert 599 < client.pttl(key) / 1000 - ttls[-1] <= 600  # and stay stale_seconds longer, to be served meanwhile
        client.delete(key)

    assert ttls == pytest.approx([60, 57, 54], abs=0.01)


def test_a_value_that_was_slow_to_load_may_be_renewed_before_it_expires(client: redis.Redis, key: str) -> None:
    times = iter([NOW - 2, NOW])  # the load takes two seconds
    at(NOW, client, clock=lambda: next(times, NOW)).get(key, lambda: "old")
    almost_expired = NOW + 59

    assert at(almost_expired, client, chance=lambda: 0.39).get(key, never).outcome == "hit"  # 2 s × -ln 0.61 = 0.99 s
    assert at(almost_expired, client, chance=lambda: 0.40).get(key, lambda: "new").outcome == "refresh"  # 2 s × -ln 0.60 = 1.02 s


def test_who_has_claimed_loads_whatever_chance_would_say_now(client: redis.Redis, key: str) -> None:
    at(NOW, client).get(key, lambda: "old")
    chances = iter([0.999, 0.0])
    entry = decode(client.get(key))
    assert entry
    client.set(key, json.dumps({**entry._asdict(), "load_seconds": 2}))

    answer = at(NOW + 59, client, chance=lambda: next(chances)).get(key, lambda: "new")

    assert (answer.value, answer.outcome) == ("new", "refresh")
    assert not client.exists(lock_of(key))


def test_while_one_renews_early_the_others_still_hit(client: redis.Redis, key: str) -> None:
    times = iter([NOW - 2, NOW])
    at(NOW, client, clock=lambda: next(times, NOW)).get(key, lambda: "old")
    early = at(NOW + 59, client, chance=lambda: 0.999)
    others: list[Any] = []
    early.get(key, lambda: others.append(early.get(key, never)))

    assert [(each.value, each.outcome) for each in others] == [("old", "hit")]


class Counting(redis.Connection):
    """Counts what is sent, whatever it holds: one command, or a pipeline of many."""

    sent = 0

    def send_packed_command(self, *words: Any, **options: Any) -> None:
        Counting.sent += 1
        super().send_packed_command(*words, **options)  # type: ignore[no-untyped-call]


def test_a_hit_is_one_round_trip_and_a_load_is_three(key: str) -> None:
    with connect(connection_class=Counting) as client:
        client.ping()  # the handshake is not counted
        counts = []
        for load in (lambda: "new", never):
            before = Counting.sent
            at(NOW, client).get(key, load)
            counts.append(Counting.sent - before)
        client.delete(key)

    assert counts == [3, 1]


def test_a_load_is_not_lost_when_redis_dies_in_it(client: redis.Redis, key: str) -> None:
    class DiesBeforeTheStore(redis.Redis):
        def eval(self, *_: Any, **__: Any) -> Any:
            raise redis.ConnectionError("died")

    with DiesBeforeTheStore(connection_pool=client.connection_pool) as dying:
        answer = at(NOW, dying).get(key, lambda: "new")

    assert (answer.value, answer.is_stored) == ("new", False)


def test_without_redis_the_caller_hears_of_it() -> None:
    with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nobody, pytest.raises(redis.RedisError):
        at(NOW, nobody).get("a key", never)


def test_an_answer_says_how_old_it_is(client: redis.Redis, key: str) -> None:
    times = iter([NOW - 2, NOW])  # the load takes two seconds
    first = at(NOW, client, clock=lambda: next(times, NOW)).get(key, lambda: "new")
    later = at(NOW + 30, client).get(key, never)

    assert (first.age_seconds, later.age_seconds) == (2, 32)


@pytest.mark.parametrize("value", [float("nan"), "\ud800"])
def test_what_json_cannot_say_is_an_error_for_who_loads_it_and_frees_the_lock(client: redis.Redis, key: str, value: Any) -> None:
    with pytest.raises(ValueError):
        at(NOW, client).get(key, lambda: value)

    assert not client.exists(key, lock_of(key))
