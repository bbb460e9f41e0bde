"""The service as a process of its own: stopped and killed while an order is being placed, cut off from its database, sent far too much."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

from labkit import FaultProxy
from labkit.database import lab_database
from labkit.processes import free_port, is_serving, kill, served, wait_until
from labkit.tokens import access_token

pytestmark = pytest.mark.slow

KEY = "k3y-" * 20
PRODUCTION = {"DEBUG": "0", "SECRET_KEY": KEY, "HTTPS": "0", "DEMO_PASSWORD": "for this test only"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
BODY = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with lab_database("rest_stopping") as url:
        for words in (["migrate", "--verbosity", "0"], ["seed"]):
            subprocess.run([sys.executable, "manage.py", *words], env={**os.environ, **PRODUCTION}, check=True, capture_output=True)
        yield url.replace("postgres://", "postgresql://")


@pytest.fixture
def database(shop: str) -> str:
    """The seeded one, without the orders and intentions of the test before."""
    with psycopg.connect(shop) as connection:
        connection.execute("TRUNCATE shop_order, idempotency_storedanswer CASCADE")
    return shop


@contextmanager
def service(port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with served(port, **{**PRODUCTION, **environment}) as process:
        yield process


@contextmanager
def order_in_flight(port: int, database: str) -> Iterator[list[Any]]:
    """An order that has been written and not been committed: its event waits for a lock, until the block ends. Then: what came of it."""
    got: list[Any] = []
    with psycopg.connect(database) as holder, psycopg.connect(database, autocommit=True) as watcher:
        holder.execute("LOCK TABLE outbox_outboxevent")
        asking = threading.Thread(target=lambda: got.append(place(port)))
        asking.start()
        wait_until(lambda: watcher.execute(WAITING).fetchone() == (1,), timeout_seconds=20, what="the order in flight")
        yield got
        holder.rollback()
        asking.join(timeout=30)


def place(port: int) -> int:
    """The status; 0 when the connection ended without one."""
    token = access_token("customer")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one intention"}
    try:
        return httpx.post(f"http://127.0.0.1:{port}/api/v1/orders/", json=BODY, headers=headers, timeout=30).status_code
    except httpx.HTTPError:
        return 0


def count_orders(database: str) -> int:
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT count(*) FROM shop_order").fetchone()
    assert found
    return int(found[0])


def test_a_request_in_flight_is_answered_when_the_service_is_stopped(database: str) -> None:
    port = free_port()
    with service(port) as process:
        with order_in_flight(port, database) as got:
            process.terminate()
            wait_until(lambda: not is_serving(port, 1), timeout_seconds=20, what="the service to stop accepting")

        assert got == [201]
        assert process.wait(timeout=20) == 0


def test_an_order_whose_process_was_killed_is_placed_once_by_the_retry(database: str) -> None:
    port = free_port()
    with service(port) as process, order_in_flight(port, database) as got:
        kill(process)
        wait_until(lambda: got != [], timeout_seconds=20, what="the connection to end")
    orders_after_the_kill = count_orders(database)

    with service(port):
        retried = [place(port) for _ in range(2)]

    assert (got, orders_after_the_kill) == ([0], 0)
    assert retried == [201, 201]
    assert count_orders(database) == 1


def test_ready_is_503_while_the_database_is_away_and_200_again_by_itself(database: str) -> None:
    port, parts = free_port(), urlsplit(database)
    with FaultProxy(str(parts.hostname), int(parts.port or 5432)) as proxy:
        through = parts._replace(scheme="postgres", netloc=f"{parts.username}:{parts.password}@{proxy.host}:{proxy.port}").geturl()
        with service(port, DATABASE_URL=through):
            before = look(port)
            proxy.set("refuse")
            during = look(port)
            proxy.set("pass")
            wait_until(lambda: look(port) == before, timeout_seconds=20, what="the service to be ready again")

    assert (before, during) == ((200, 200), (200, 503))


def look(port: int) -> tuple[int, int]:
    """What /live and /ready answer."""
    live, ready = (httpx.get(f"http://127.0.0.1:{port}/{name}", timeout=20).status_code for name in ("live", "ready"))
    return live, ready


def test_fifty_megabytes_are_refused_and_not_kept_in_memory(database: str) -> None:
    port = free_port()
    with service(port) as process:
        look(port)
        before = memory_mb(process.pid)
        answers_of_five = [httpx.post(f"http://127.0.0.1:{port}/api/v1/orders/", content=b"[" * 50_000_000, timeout=60) for _ in range(5)]
        after = memory_mb(process.pid)

    assert [answer.status_code for answer in answers_of_five] == [413] * 5
    assert after - before < 50  # one such body alone would be more


def memory_mb(pid: int) -> float:
    """Of the process and its children, resident."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(each.memory_info().rss for each in family) / 1_000_000
