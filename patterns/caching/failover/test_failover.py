"""On real servers: a failover is REPLICAOF, sent to the server behind the same address."""

import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import MasterDownError

from . import FailoverPool, connect

DEBUG = ("--enable-debug-command", "local")
NOWHERE = ("127.0.0.1", 1)  # a master that does not answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[redis.Redis]:
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--save", "", *DEBUG, "--dir", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        try:
            with redis.Redis(port=port) as admin:
                admin.port = port  # type: ignore[attr-defined]
                wait_for(admin)
                yield admin
        finally:
            process.kill()


def wait_for(admin: redis.Redis) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            admin.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def url_of(admin: Any) -> str:
    return f"redis://127.0.0.1:{admin.port}"


def connections_since(admin: redis.Redis, before: Any) -> int:
    after: Any = admin.info("stats")
    return int(after["total_connections_received"]) - int(before["total_connections_received"])


@pytest.mark.native
def test_readonly_ends_every_connection_of_the_pool(server: redis.Redis) -> None:
    client = connect(url_of(server))
    pool = client.connection_pool
    together = [pool.get_connection() for _ in range(5)]
    for each in together:
        pool.release(each)
    before = server.info("stats")
    server.replicaof(*NOWHERE)
    with pytest.raises(redis.ReadOnlyError):
        client.set("a", 1)
    server.replicaof("NO", "ONE")
    together = [pool.get_connection() for _ in range(5)]
    for each in together:
        pool.release(each)

    assert client.set("a", 1)
    assert connections_since(server, before) == 5
    pool.disconnect()


@pytest.mark.native
def test_masterdown_ends_the_connection_too(server: redis.Redis) -> None:
    client = connect(url_of(server))
    client.set("a", 1)
    server.config_set("replica-serve-stale-data", "no")
    server.replicaof(*NOWHERE)
    before = server.info("stats")
    with pytest.raises(MasterDownError):
        client.get("a")
    with pytest.raises(MasterDownError):
        client.get("a")

    assert connections_since(server, before) == 1
    client.connection_pool.disconnect()


@pytest.mark.native
def test_loading_ends_the_connection_too(server: redis.Redis) -> None:
    client = connect(url_of(server))
    pipeline = client.pipeline()
    for number in range(400):
        pipeline.set(str(number), "x" * 1024)
    pipeline.execute()
    server.config_set("key-load-delay", 3000)  # microseconds per key: DEBUG RELOAD takes a second
    server.config_set("loading-process-events-interval-bytes", 1024)
    before = server.info("stats")
    reload = threading.Thread(target=lambda: redis_cli(server, "DEBUG", "RELOAD"))
    reload.start()
    errors = 0
    while reload.is_alive():
        try:
            client.get("1")
        except (redis.BusyLoadingError, redis.TimeoutError) as error:
            errors += isinstance(error, redis.BusyLoadingError)
    reload.join()

    assert errors > 0
    assert connections_since(server, before) >= errors
    assert client.get("1")
    client.connection_pool.disconnect()


def redis_cli(admin: Any, *words: str) -> None:
    with redis.Redis(port=admin.port, socket_timeout=10) as other:
        other.execute_command(*words)


@pytest.mark.native
def test_a_pipeline_reads_all_its_replies_before_the_connection_ends(server: redis.Redis) -> None:
    client = connect(url_of(server))
    client.set("a", "here")
    server.replicaof(*NOWHERE)
    pipeline = client.pipeline(transaction=False)
    pipeline.set("a", 1).get("a").set("b", 2)
    first, second, third = pipeline.execute(raise_on_error=False)
    server.replicaof("NO", "ONE")

    assert (type(first), second, type(third)) == (redis.ReadOnlyError, b"here", redis.ReadOnlyError)
    assert client.get("a") == b"here"
    client.connection_pool.disconnect()


@pytest.mark.native
def test_a_command_that_another_thread_waits_for_is_not_cut_off(server: redis.Redis) -> None:
    client = connect(url_of(server), timeout_seconds=5)
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(client.blpop(["list"], timeout=4)))
    waiting.start()
    while not server.info("clients")["blocked_clients"]:  # type: ignore[index]
        time.sleep(0.01)
    pool: Any = client.connection_pool
    pool.connection_class.failovers.count += 1  # as another thread that met READONLY
    server.rpush("list", "value")
    waiting.join(10)

    assert found == [(b"list", b"value")]
    pool.disconnect()


@pytest.mark.native
def test_an_ordinary_error_keeps_the_connection(server: redis.Redis) -> None:
    client = connect(url_of(server))
    client.set("a", "text")
    before = server.info("stats")
    for _ in range(3):
        with pytest.raises(redis.ResponseError):
            client.incr("a")

    assert connections_since(server, before) == 0
    client.connection_pool.disconnect()


def test_a_hung_server_costs_one_time_out() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = connect(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            client.get(secrets.token_hex(4))

    assert time.monotonic() - began < 2  # redis-py's own retries take up to a minute


@pytest.mark.parametrize("url", ["rediss://127.0.0.1:1", "unix:///tmp/none.sock"])
def test_tls_and_sockets_notice_a_failover_too(url: str) -> None:
    pool: Any = FailoverPool.from_url(url)

    assert hasattr(pool.make_connection(), "failovers")
