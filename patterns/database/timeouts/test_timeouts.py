"""Against a real PostgreSQL (DATABASE_URL), and a port that accepts and never answers."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import environ
import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from . import with_timeouts


def connect(database: dict[str, Any], **limits: float) -> BaseDatabaseWrapper:
    return ConnectionHandler({"default": with_timeouts(database, **limits)})["default"]  # type: ignore[arg-type]


@pytest.fixture
def database(django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = environ.Env().db("DATABASE_URL")
    if "postgresql" not in found["ENGINE"]:
        pytest.fail("set DATABASE_URL=postgres://user:password@host:port/name")
    with django_db_blocker.unblock():
        yield found | {"NAME": "postgres"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts connections, as a stopped process's kernel does, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def seconds_until_it_fails(wrapper: BaseDatabaseWrapper, statement: str) -> float:
    begun = time.monotonic()
    with pytest.raises(OperationalError), wrapper.cursor() as cursor:
        cursor.execute(statement)
    return time.monotonic() - begun


def test_a_statement_ends_after_its_limit(database: dict[str, Any]) -> None:
    wrapper = connect(database, statement_seconds=0.3)

    assert seconds_until_it_fails(wrapper, "SELECT pg_sleep(20)") < 10
    wrapper.close()


def test_a_wait_for_a_lock_ends_after_its_limit(database: dict[str, Any]) -> None:
    holder = connect(database)
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
    waiter = connect(database, lock_seconds=0.3)

    assert seconds_until_it_fails(waiter, "SELECT pg_advisory_lock(4711)") < 10
    holder.close()
    waiter.close()


def test_a_transaction_that_idles_is_ended_after_its_limit(database: dict[str, Any]) -> None:
    idle, watcher = connect(database, idle_in_transaction_seconds=0.3), connect(database)
    idle.set_autocommit(False)
    with idle.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(4712), pg_backend_pid()")
        _, pid = cursor.fetchone()
    ends_at = time.monotonic() + 10
    with watcher.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
            if cursor.fetchone() == (0,):
                break
            assert time.monotonic() < ends_at, "the transaction idles for 10 s, with its lock"
            time.sleep(0.05)

    assert seconds_until_it_fails(idle, "SELECT 1") < 10
    idle.close()
    watcher.close()


def test_connecting_to_a_server_that_never_answers_ends(
    database: dict[str, Any], silent_port: int
) -> None:
    wrapper = connect(database | {"HOST": "127.0.0.1", "PORT": silent_port}, connect_seconds=2)

    assert seconds_until_it_fails(wrapper, "SELECT 1") < 10


def test_a_frozen_server_is_given_up_and_the_next_query_connects_anew(
    database: dict[str, Any],
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    frozen = threading.Event()
    pipe = threading.Thread(target=forward, args=(server, database, frozen), daemon=True)
    pipe.start()
    port = server.getsockname()[1]
    wrapper = connect(database | {"HOST": "127.0.0.1", "PORT": port}, statement_seconds=0.2)
    wrapper.ensure_connection()
    frozen.set()

    assert seconds_until_it_fails(wrapper, "SELECT 1") < 10
    assert not wrapper.is_usable()
    frozen.clear()
    wrapper.close_if_unusable_or_obsolete()
    wrapper.close()
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
    wrapper.close()
    server.shutdown(socket.SHUT_RDWR)
    pipe.join(5)
    server.close()


def forward(server: socket.socket, database: dict[str, Any], frozen: threading.Event) -> None:
    """Carries bytes both ways; keeps back all while `frozen`."""

    def carry(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError), source, to:
            while data := source.recv(65536):
                while frozen.is_set():
                    time.sleep(0.02)
                to.sendall(data)

    while True:
        try:
            client, _ = server.accept()
        except OSError:  # the test has ended
            return
        upstream = socket.create_connection((database["HOST"], int(database["PORT"])))
        for pair in ((client, upstream), (upstream, client)):
            threading.Thread(target=carry, args=pair, daemon=True).start()


def test_another_engine_is_left_as_it_is() -> None:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}

    assert with_timeouts(database) == database


def test_options_of_the_project_are_kept(database: dict[str, Any]) -> None:
    given = database | {"OPTIONS": {"options": "-c work_mem=1MB", "sslmode": "prefer"}}
    wrapper = connect(given)
    with wrapper.cursor() as cursor:
        cursor.execute("SHOW work_mem")
        assert cursor.fetchone() == ("1MB",)
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)
    wrapper.close()


@pytest.mark.django_db
def test_djangos_own_connection_works_with_the_backend() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
