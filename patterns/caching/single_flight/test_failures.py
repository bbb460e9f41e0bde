"""Loads that fail: who gets the stale value, who the error, and how often it is tried."""

# ruff: noqa: F401, F811

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from .entry import Entry
from .test_single_flight import chance, client, connect, flight, key, pass_time, version_of

CROWD = 300


class Down(Exception):
    """The database is."""


class NotThere(Exception):
    """There is no such product."""


def fail(error: Exception) -> Any:
    raise error


def failing(client: redis.Redis, **changes: Any) -> Any:
    return flight(client, stale_if=(Down,), shared=(NotThere,), **changes)


@pytest.mark.parametrize("error", [Down, NotThere])
def test_a_crowd_shares_one_failing_load(key: str, error: type[Exception]) -> None:
    loads: list[int] = []
    together = threading.Barrier(CROWD + 1, timeout=20)
    crowded = connect(max_connections=CROWD)
    ours = failing(crowded, failure_seconds=20)

    def load() -> None:
        loads.append(1)
        time.sleep(0.2)
        raise error

    def get() -> type[Exception] | None:
        together.wait()
        try:
            ours.get(key, load)
        except Exception as found:
            return type(found)
        return None

    with ThreadPoolExecutor(CROWD) as pool:
        answers = [pool.submit(get) for _ in range(CROWD)]
        together.wait()
        began = time.monotonic()
        found = [each.result() for each in answers]
    waited_seconds = time.monotonic() - began
    crowded.delete(f"{{{key}}}:lock")
    crowded.connection_pool.disconnect()

    assert (found, len(loads)) == ([error] * CROWD, 1)
    assert waited_seconds < ours.wait_seconds


def test_a_failure_is_forgotten_after_its_time(client: redis.Redis, key: str) -> None:
    ours = failing(client, failure_seconds=0.05)
    with pytest.raises(Down):
        ours.get(key, lambda: fail(Down()))
    with pytest.raises(Down, match="another caller"):
        ours.get(key, lambda: "not asked")
    time.sleep(0.06)

    assert ours.get(key, lambda: "back").value == "back"


def test_a_failure_that_is_not_named_is_not_shared(client: redis.Redis, key: str) -> None:
    ours = failing(client)
    with pytest.raises(ZeroDivisionError):
        ours.get(key, lambda: 1 / 0)

    assert ours.get(key, lambda: "ours").value == "ours"


def test_while_the_source_is_down_all_get_the_stale_value(client: redis.Redis, key: str) -> None:
    ours, loads = failing(client), []
    ours.get(key, lambda: "old")
    pass_time(client, key, 61)

    def load() -> None:
        loads.append(1)
        raise Down

    answers = [ours.get(key, load) for _ in range(60)]

    assert {(each.value, each.outcome) for each in answers} == {("old", "stale-if-error")}
    assert all(each.ttl_seconds < 0 < each.age_seconds for each in answers)
    assert len(loads) == 1
    client.delete(f"{{{key}}}:lock")  # the second of the failure has passed
    assert ours.get(key, lambda: "new").value == "new"


def test_what_is_gone_is_not_served_stale(client: redis.Redis, key: str) -> None:
    ours = failing(client)
    ours.get(key, lambda: "old")
    pass_time(client, key, 61)

    with pytest.raises(NotThere):
        ours.get(key, lambda: fail(NotThere()))


def test_a_value_whose_early_renewal_fails_is_still_a_hit(
    client: redis.Redis, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = failing(client)
    ours.get(key, lambda: "fresh")
    monkeypatch.setattr(Entry, "is_due", lambda _: True)
    answer = ours.get(key, lambda: fail(Down()))

    assert (answer.value, answer.outcome) == ("fresh", "hit")


def test_a_failure_of_an_older_version_is_not_shared(client: redis.Redis, key: str) -> None:
    ours, version = failing(client, failure_seconds=20), version_of(key)
    client.set(version, "1")
    with pytest.raises(NotThere):
        ours.get(key, lambda: fail(NotThere()), version_key=version)
    client.set(version, "2")  # it was created since
    answers: list[Any] = []
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: ours.get(key, lambda: "created", version_key=version))
        client.pexpire(f"{{{key}}}:lock", 100)
        answers.append(waiting.result(timeout=10))

    assert answers[0].value == "created"


@pytest.mark.parametrize("planted", [b"[]", b'["x", null, 1]', b'["a.B", "1"]', b"[" * 50_000])
def test_a_planted_mark_is_a_lock_that_expires(
    client: redis.Redis,
    key: str,
    planted: bytes,
) -> None:
    client.set(f"{{{key}}}:lock", planted, px=50)

    assert failing(client).get(key, lambda: "loaded").value == "loaded"
