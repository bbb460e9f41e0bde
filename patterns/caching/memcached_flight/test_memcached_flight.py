"""The promises of single_flight once more, on a real Memcached."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymemcache.client.base import Client, PooledClient

from ..single_flight import StillLoading
from . import MONTH_SECONDS, MemcachedFlight, expiry

NOW = 1_800_000_000.0
CROWD = 20


@pytest.fixture
def client() -> Iterator[PooledClient]:
    if not os.environ.get("MEMCACHED_URL"):
        pytest.fail("these promises are Memcached's: set MEMCACHED_URL")
    client = PooledClient(os.environ["MEMCACHED_URL"], timeout=2, connect_timeout=2)
    yield client
    client.close()


@pytest.fixture
def key(client: PooledClient) -> Iterator[str]:
    key = f"test-{secrets.token_hex(8)}"
    yield key
    client.delete(key)
    client.delete(lock_of(key))


def lock_of(key: str) -> str:
    return f"{{{key}}}:lock"


def at(now: float, client: PooledClient, **changes: Any) -> MemcachedFlight:
    values: dict[str, Any] = {"fresh_seconds": 60, "stale_seconds": 600, "lock_seconds": 5, "wait_seconds": 10, "chance": lambda: 0.0}
    return MemcachedFlight(client=client, **{**values, "clock": lambda: now, **changes})


def never() -> None:
    raise AssertionError("loaded a second time")


def test_what_was_loaded_is_a_hit_for_the_next(client: PooledClient, key: str) -> None:
    first = at(NOW, client).get(key, lambda: {1: "a"})
    second = at(NOW, client).get(key, never)

    assert (first.value, first.outcome, first.is_stored) == ({"1": "a"}, "miss", True)
    assert (second.value, second.outcome, second.ttl_seconds) == ({"1": "a"}, "hit", 60.0)
    assert client.get(lock_of(key)) is None


def test_while_one_loads_all_others_get_the_stale_value_at_once(client: PooledClient, key: str) -> None:
    at(NOW, client).get(key, lambda: "old")
    later = at(NOW + 61, client)
    with ThreadPoolExecutor(CROWD) as crowd:

        def load() -> str:
            others.extend(each.result(timeout=10) for each in [crowd.submit(later.get, key, never) for _ in range(CROWD - 1)])
            return "new"

        others: list[Any] = []
        ours = later.get(key, load)

    assert (ours.value, ours.outcome) == ("new", "refresh")
    assert [(each.value, each.outcome) for each in others] == [("old", "stale")] * (CROWD - 1)
    assert at(NOW + 61, client).get(key, never).value == "new"


def test_with_no_stale_value_all_others_wait_for_the_one_load(client: PooledClient, key: str) -> None:
    loads, is_waited_for = [], threading.Event()

    def load() -> str:
        loads.append(1)
        is_waited_for.wait(10)
        return "new"

    def sleep(seconds: float) -> None:
        is_waited_for.set()
        threading.Event().wait(seconds)

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(lambda _: at(NOW, client, sleep=sleep).get(key, load), range(CROWD)))

    assert len(loads) == 1
    assert {each.value for each in answers} == {"new"}


def test_who_waits_in_vain_is_told_so(client: PooledClient, key: str) -> None:
    client.set(lock_of(key), "another's", expire=10)

    with pytest.raises(StillLoading):
        at(NOW, client, wait_seconds=0.1).get(key, never)


def test_a_loader_that_raises_frees_its_lock(client: PooledClient, key: str) -> None:
    with pytest.raises(ZeroDivisionError):
        at(NOW, client).get(key, lambda: 1 / 0)

    assert at(NOW, client).get(key, lambda: "new").value == "new"


def test_a_lock_that_nobody_frees_ends_by_itself(client: PooledClient, key: str) -> None:
    client.add(lock_of(key), "of one who died", expire=1)

    assert at(NOW, client, wait_seconds=5).get(key, lambda: "new").value == "new"


@pytest.mark.parametrize("there_is_an_old_one", [False, True])
def test_a_loader_that_comes_back_too_late_stores_nothing_and_frees_nobodys_lock(
    client: PooledClient, key: str, there_is_an_old_one: bool
) -> None:
    if there_is_an_old_one:
        at(NOW - 61, client).get(key, lambda: "old")

    def load() -> str:
        client.set(lock_of(key), "another's", expire=10, noreply=False)  # ours ran out
        return "late"

    answer = at(NOW, client).get(key, load)

    assert (answer.value, answer.is_stored) == ("late", False)
    assert client.get(lock_of(key)) == b"another's"
    assert b"late" not in (client.get(key) or b"")


def seconds_left(client: PooledClient, key: str) -> int:
    """Memcached's own word for it: `mg <key> t`."""
    return int(client.raw_command(f"mg {key} t").removeprefix(b"HD t"))


def test_lock_and_value_live_as_long_as_they_were_told_to(client: PooledClient, key: str) -> None:
    locks: list[int] = []

    def load() -> str:
        locks.append(seconds_left(client, lock_of(key)))
        return "new"

    values = []
    for now in (NOW - 61, NOW):  # stored where nothing was, and over an old one
        at(now, client, lock_seconds=100).get(key, load)
        values.append(seconds_left(client, key))

    assert [60 < left <= 100 for left in locks] == [True] * 2  # who dies loading is followed by another after that
    assert [600 < left <= 660 for left in values] == [True] * 2  # fresh and stale seconds


class Raced(Client):
    """Somebody else is faster: `meanwhile` is called before or after a command that names `name`."""

    def __init__(self, name: str, **meanwhile: Callable[[], object]) -> None:
        super().__init__(os.environ["MEMCACHED_URL"])
        self.name, self.meanwhile = name, meanwhile

    def _at(self, moment: str, name: str) -> None:
        if name == self.name and moment in self.meanwhile:
            self.meanwhile.pop(moment)()

    def add(self, name: str, *words: Any, **options: Any) -> Any:
        self._at("before_add", name)
        return super().add(name, *words, **options)

    def get(self, name: str, *words: Any) -> Any:
        found = super().get(name, *words)
        self._at("after_get", name)
        return found

    def gets(self, name: str, *words: Any) -> Any:
        self._at("before_gets", name)
        found = super().gets(name, *words)
        self._at("after_gets", name)
        return found


@pytest.fixture
def raced(key: str) -> Iterator[Callable[..., Any]]:
    made: list[Raced] = []

    def make(name: str, **meanwhile: Callable[[], object]) -> Any:
        made.append(Raced(name, **meanwhile))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("there_is_an_old_one", [False, True])
def test_who_is_overtaken_between_the_look_at_the_lock_and_the_store_stores_nothing(
    client: PooledClient, key: str, raced: Callable[..., Any], there_is_an_old_one: bool
) -> None:
    if there_is_an_old_one:
        at(NOW - 61, client).get(key, lambda: "old")
    slow = raced(lock_of(key), after_get=lambda: client.set(key, "another's", noreply=False))

    assert not at(NOW, slow).get(key, lambda: "late").is_stored
    assert client.get(key) == b"another's"


def test_who_gets_the_lock_after_another_has_loaded_does_not_load_again(client: PooledClient, key: str, raced: Callable[..., Any]) -> None:
    slow = raced(lock_of(key), before_add=lambda: at(NOW, client).get(key, lambda: "another's"))
    answer = at(NOW, slow).get(key, never)

    assert (answer.value, answer.outcome) == ("another's", "collapsed")
    assert client.get(lock_of(key)) is None


def test_a_lock_that_runs_out_in_the_moment_of_its_release_stays_its_next_owners(
    client: PooledClient, key: str, raced: Callable[..., Any]
) -> None:
    slow = raced(lock_of(key), after_gets=lambda: client.set(lock_of(key), "another's", expire=10, noreply=False))
    at(NOW, slow).get(key, lambda: "new")

    assert client.get(lock_of(key)) == b"another's"


@pytest.mark.parametrize(("which", "is_stored"), [("the key", False), ("the lock", True)])
def test_what_has_been_loaded_is_answered_although_memcached_went_away_meanwhile(
    key: str, raced: Callable[..., Any], which: str, is_stored: bool
) -> None:
    def away() -> None:
        raise ConnectionResetError

    answer = at(NOW, raced(key if which == "the key" else lock_of(key), before_gets=away)).get(key, lambda: "new")

    assert (answer.value, answer.is_stored) == ("new", is_stored)


def test_a_value_that_is_too_big_is_answered_and_not_stored(client: PooledClient, key: str) -> None:
    answer = at(NOW, client).get(key, lambda: "x" * 2_000_000)

    assert (len(answer.value), answer.is_stored) == (2_000_000, False)
    assert client.get(lock_of(key)) is None


@pytest.mark.parametrize("planted", [b"cbuiltins\nexit\n(I7\ntR.", b"\x80\x04.", b"7", b"[" * 50_000, b""])
def test_what_is_not_our_json_is_a_miss_and_is_never_executed(client: PooledClient, key: str, planted: bytes) -> None:
    client.set(key, planted, noreply=False)

    assert at(NOW, client).get(key, lambda: "new").outcome == "miss"
    assert at(NOW, client).get(key, never).outcome == "hit"


def test_times_are_whole_seconds_and_long_ones_are_dates() -> None:
    assert (expiry(0.2), expiry(5), expiry(MONTH_SECONDS)) == (1, 5, MONTH_SECONDS)
    assert expiry(MONTH_SECONDS + 1) > 1_700_000_000
