"""Leases on a real Redis and a real Memcached."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from pymemcache.client.base import Client, PooledClient
from redis.backoff import NoBackoff
from redis.retry import Retry

from . import Leases, MemcachedStore, RedisStore, Store


@pytest.fixture
def key() -> str:
    return f"test-{secrets.token_hex(8)}"


@pytest.fixture(params=["redis", "memcached"])
def store(request: pytest.FixtureRequest, key: str) -> Iterator[Store]:
    if not os.environ.get("REDIS_URL") or not os.environ.get("MEMCACHED_URL"):
        pytest.fail("this pattern needs both: set REDIS_URL and MEMCACHED_URL")
    store: Store
    if request.param == "redis":
        client = redis.Redis.from_url(
            os.environ["REDIS_URL"], socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        store = RedisStore(client)
    else:
        client = PooledClient(os.environ["MEMCACHED_URL"], timeout=2)
        store = MemcachedStore(client)
    yield store
    store.drop(key)
    client.close()


def leases(store: Store, **changes: Any) -> Leases:
    return Leases(store=store, **{"keep_seconds": 60, "lease_seconds": 5, **changes})


def never() -> None:
    raise AssertionError("loaded a second time")


def plant(store: Store, key: str, planted: bytes) -> None:
    store.drop(key)
    store.look(key, planted, 60)


def test_a_loaded_value_is_a_hit_for_the_next_reader(store: Store, key: str) -> None:
    first = leases(store).get(key, lambda: {1: ("a", "b")})
    second = leases(store).get(key, never)

    assert (first, second) == (({"1": ["a", "b"]}, False), ({"1": ["a", "b"]}, True))


def test_an_old_value_is_never_stored_after_the_invalidation(store: Store, key: str) -> None:
    def load() -> str:
        leases(store).invalidate(key)  # a writer, while we load
        return "old"

    leases(store).get(key, load)

    assert leases(store).get(key, lambda: "new") == ("new", False)


def test_an_old_value_does_not_replace_that_of_a_later_reader(store: Store, key: str) -> None:
    def load_slowly() -> str:
        leases(store).invalidate(key)
        leases(store).get(key, lambda: "new")
        return "old"

    def load_beside_another() -> str:
        leases(store).invalidate(key)
        leases(store).get(key, lambda: leases(store).get(key, load_slowly) and "newer")
        return "oldest"

    leases(store).get(key, load_beside_another)

    assert leases(store).get(key, never) == ("new", True)


def test_an_invalidated_value_is_loaded_again(store: Store, key: str) -> None:
    leases(store).get(key, lambda: "old")
    leases(store).invalidate(key)

    assert leases(store).get(key, lambda: "new") == ("new", False)


def test_a_reader_without_the_lease_loads_and_stores_nothing(store: Store, key: str) -> None:
    others = []

    def load() -> str:
        others.append(leases(store).get(key, lambda: "theirs"))
        others.append(leases(store).get(key, lambda: "theirs, again"))
        return "ours"

    leases(store).get(key, load)

    assert others == [("theirs", False), ("theirs, again", False)]
    assert leases(store).get(key, never) == ("ours", True)


def test_an_unused_lease_expires(store: Store, key: str) -> None:
    def die() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        leases(store, lease_seconds=1).get(key, die)
    attempts = 0
    while leases(store).get(key, lambda: "loaded") != ("loaded", True):
        attempts += 1
        assert attempts < 100_000, "the lease never ends"

    assert attempts > 1


@pytest.mark.parametrize(
    "planted", [b"Vcbuiltins\nexit\n(I7\ntR.", b"V\x80\x04.", b"", b"x", b"V" + b"[" * 50_000]
)
def test_a_planted_value_is_a_miss_and_is_replaced(store: Store, key: str, planted: bytes) -> None:
    plant(store, key, planted)

    assert leases(store).get(key, lambda: "new") == ("new", False)
    assert leases(store).get(key, never) == ("new", True)


def test_a_loaded_value_is_not_lost_when_the_server_refuses_it(store: Store, key: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "swap", refuse)
        assert leases(store).get(key, lambda: "new") == ("new", False)


def refuse(*_: object) -> bool:
    raise ConnectionError


def test_memcached_rejects_a_store_after_the_lease_was_lost(key: str) -> None:
    class Overtaken(Client):
        def gets(self, name: str, *words: Any) -> Any:
            found = super().gets(name, *words)
            self.delete(name, noreply=False)  # a writer, in this very moment
            return found

    client = Overtaken(os.environ["MEMCACHED_URL"], timeout=2)
    leases(MemcachedStore(client)).get(key, lambda: "old")

    assert leases(MemcachedStore(client)).get(key, lambda: "new") == ("new", False)
    client.close()
