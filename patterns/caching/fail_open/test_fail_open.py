"""On a real Redis and a real Memcached, and on ports where no server answers."""

import os
import pickle
import secrets
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.cache.backends.base import BaseCache
from django.db import NotSupportedError
from pymemcache.client.base import Client

from . import FailOpenMemcachedCache, FailOpenRedisCache, breaker_of

EXECUTED: list[str] = []


def execute() -> None:
    EXECUTED.append("executed")


@pytest.fixture
def prefix() -> str:
    return f"test-{secrets.token_hex(8)}"


def cache(kind: str, server: str, prefix: str, **options: Any) -> Any:
    backend = FailOpenRedisCache if kind == "redis" else FailOpenMemcachedCache
    breaker_of.cache_clear()
    return backend(server, {"KEY_PREFIX": prefix, "OPTIONS": options})


def server_of(kind: str) -> str:
    if not (server := os.environ.get(f"{kind.upper()}_URL", "")):
        pytest.fail(f"these promises are the servers': set {kind.upper()}_URL")
    return server


@pytest.fixture(params=["redis", "memcached"])
def here(request: pytest.FixtureRequest, prefix: str) -> Iterator[Any]:
    each = cache(request.param, server_of(request.param), prefix)
    yield each
    each.close()
    disconnect(each)


def disconnect(each: Any) -> None:
    for pool in getattr(each._cache, "_pools", {}).values():
        pool.disconnect()
    if hasattr(each._cache, "disconnect_all"):
        each._cache.disconnect_all()


@pytest.fixture(params=["redis refuses", "redis hangs", "memcached refuses", "memcached hangs"])
def away(request: pytest.FixtureRequest, prefix: str) -> Iterator[Any]:
    kind, fault = request.param.split()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if fault == "hangs":
            listener.listen()  # connects, and is never answered
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        each = cache(kind, f"redis://{address}" if kind == "redis" else address, prefix)
        yield each
        disconnect(each)


def test_it_is_a_cache(here: BaseCache) -> None:
    here.set("a", {"price": "4.90"})
    here.set_many({"b": 1, "c": [True, None]})

    assert here.get("a") == {"price": "4.90"}
    assert here.get_many(["b", "c", "d"]) == {"b": 1, "c": [True, None]}
    assert here.incr("b", 2) == 3
    assert (
        here.add("a", 2),
        here.touch("a"),
        "a" in here,
        here.delete("a"),
        here.get("a", "none"),
    ) == (False, True, True, True, "none")


def test_without_its_server_it_is_empty_and_raises_nothing(away: BaseCache) -> None:
    assert away.get("a", "none") == "none"
    assert away.get_many(["a"]) == {}
    assert away.get_or_set("a", lambda: "loaded") == "loaded"
    assert (away.add("a", 1), away.touch("a"), away.has_key("a"), away.delete("a")) == (False,) * 4
    away.set("a", 1)
    assert away.set_many({"a": 1}) == ["a"]
    away.delete_many(["a"])
    with pytest.raises(ValueError, match="not found"):
        away.incr("a")


def test_an_outage_costs_one_time_out_and_not_one_per_call(away: Any) -> None:
    began = time.monotonic()
    for _ in range(100):
        away.get("a")

    assert (
        time.monotonic() - began < 2
    )  # 100 time-outs would be 20 s; redis-py alone tries for a minute
    assert away.breaker.is_open


def test_an_exhausted_pool_is_a_miss_after_a_bounded_wait(prefix: str) -> None:
    small = cache("redis", server_of("redis"), prefix, max_connections=1, open_seconds=0.0)
    small.set("a", 1)
    pool = small._cache._get_connection_pool(write=True)
    taken = pool.get_connection()

    began = time.monotonic()
    without = small.get("a", "none")
    waited_seconds = time.monotonic() - began
    pool.release(taken)

    assert without == "none"
    assert waited_seconds < 2
    assert small.get("a") == 1
    disconnect(small)


def test_a_value_that_is_too_big_is_not_stored_and_opens_no_circuit(here: Any) -> None:
    here.set("a", "old")
    here.set("a", "x" * 2_000_000)

    assert here.get("a") in (
        "x" * 2_000_000,
        None,
    )  # Redis takes it, Memcached has forgotten the old one
    assert not here.breaker.is_open


def test_a_command_that_redis_refuses_is_a_miss_and_opens_no_circuit(prefix: str) -> None:
    here = cache("redis", server_of("redis"), prefix)
    with redis.Redis.from_url(server_of("redis")) as client:
        client.hset(
            here.make_key("a"), "not", "a string"
        )  # WRONGTYPE; a full Redis answers OOM in the same way

        assert here.get("a", "none") == "none"
        assert not here.breaker.is_open
        client.delete(here.make_key("a"))
    disconnect(here)


@pytest.mark.parametrize("key", ["k" * 300, "two words", "line\nbreak", "ä" * 130, "\x00"])
def test_a_key_that_memcached_would_refuse_is_a_key(here: BaseCache, key: str) -> None:
    here.set(key, "this one")

    assert here.get(key) == "this one"
    assert here.get(key + "!") is None


class Planted:
    def __reduce__(self) -> Any:
        return execute, ()


@pytest.mark.parametrize(
    "payload",
    [pickle.dumps(Planted()), b"", b"\xff", b"[" * 50_000],
    ids=["pickle", "empty", "byte", "deep"],
)
@pytest.mark.parametrize("flags", [0, 1, 2, 4, 16])
def test_what_is_not_json_is_a_miss_and_is_never_executed(
    here: Any, payload: bytes, flags: int
) -> None:
    key = here.make_key("a")
    if isinstance(here, FailOpenRedisCache):
        here._cache.get_client(write=True).set(key, payload)
    else:
        client = Client(server_of("memcached"), serde=Flagged(flags))
        client.set(key, payload, noreply=False)
        client.close()

    assert here.get("a", "none") == "none"
    assert here.get_many(["a"]) == {}
    assert EXECUTED == []


class Flagged:
    """Stores bytes with any flags: 1 is what pymemcache takes for a pickle."""

    def __init__(self, flags: int) -> None:
        self.flags = flags

    def serialize(self, key: bytes, value: bytes) -> tuple[bytes, int]:
        return value, self.flags


def test_clear_deletes_only_keys_of_its_prefix(prefix: str) -> None:
    ours, theirs = (cache("redis", server_of("redis"), prefix + end) for end in ("[a]*", "a"))
    ours.set("page", 1)
    theirs.set("session", 1)

    ours.clear()

    assert (ours.get("page"), theirs.get("session")) == (None, 1)
    theirs.clear()
    disconnect(ours)
    disconnect(theirs)


def test_clear_of_very_many_keys_stays_below_the_time_out(prefix: str) -> None:
    here = cache("redis", server_of("redis"), prefix)
    with redis.Redis.from_url(server_of("redis")) as client:
        script = "for i = 1, ARGV[2] do redis.call('SET', ARGV[1] .. i, 'x', 'PX', 60000) end"
        client.eval(script, 0, here.make_key(""), 50_000)
    here.set("page", 1)

    here.clear()

    assert here.get("page") is None
    assert not here.breaker.is_open
    disconnect(here)


def test_clear_on_memcached_is_not_supported(prefix: str) -> None:
    here = cache("memcached", server_of("memcached"), prefix)
    here.set("session", 1)

    with pytest.raises(NotSupportedError, match="generation"):
        here.clear()
    assert here.get("session") == 1
    disconnect(here)
