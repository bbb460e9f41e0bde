"""The service as it runs: gunicorn, its own processes, real servers."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.db import connection

from catalogue.models import Product
from labkit import FaultProxy
from labkit.processes import free_port, kill, listening, running, wait_until, web_server

pytestmark = pytest.mark.slow

PAGE = "/products/SKU-000001/"


def database_url(address: str = "") -> str:
    url = urlsplit(os.environ["DATABASE_URL"])
    netloc = f"{url.username}:{url.password}@{address}" if address else url.netloc
    return url._replace(netloc=netloc, path=f"/{connection.settings_dict['NAME']}").geturl()


@contextlib.contextmanager
def service(log: Path, **environment: str) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
    """The command of docker-compose.yml, with one worker, in production's settings; what it says goes to `log`."""
    port = free_port()
    argv = [sys.executable, *web_server("config.wsgi:application")[1:]]
    ours = {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": "k3y-" * 20 + "0123456789", **listening(port)}
    with log.open("wb") as output, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        process = subprocess.Popen(
            argv, env={**os.environ, **ours, **environment},
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            wait_until(lambda: is_live(client), timeout_seconds=30, what="the service")
            yield client, process
        finally:
            kill(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            kill(process)
            process.wait()


def is_live(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/live").status_code == 200
    return False


def test_with_a_dependency_down_it_says_which_and_comes_back_by_itself(committed_mug: Product, tmp_path: Path) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    with FaultProxy(url.hostname or "", url.port or 5432) as proxy:
        address = f"{proxy.host}:{proxy.port}"
        with service(tmp_path / "log", DATABASE_URL=database_url(address)) as (client, _):
            before = client.get("/ready").status_code
            proxy.set("refuse")
            down = client.get("/ready")
            live = client.get("/live").status_code
            proxy.set("pass")
            wait_until(lambda: client.get("/ready").status_code == 200, timeout_seconds=20, what="the service to be ready again")

    assert (before, down.status_code, live) == (200, 503, 200)
    assert "Database" in down.text


def test_requests_in_flight_are_answered_when_it_is_told_to_stop(committed_mug: Product, tmp_path: Path) -> None:
    with service(tmp_path / "log", DATABASE_URL=database_url(), CACHE="off") as (client, process), psycopg.connect(database_url()) as lock:
        lock.execute("LOCK TABLE catalogue_product IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as visitors:
            asked = visitors.submit(client.get, PAGE)
            wait_until(lambda: waiting(lock) == 1, timeout_seconds=20, what="the request that waits for the database")
            process.send_signal(signal.SIGTERM)
            lock.rollback()
            answer = asked.result(timeout=20)
        process.wait(timeout=20)

    assert (answer.status_code, answer.json()["sku"]) == (200, committed_mug.sku)


def waiting(lock: "psycopg.Connection[tuple[int]]") -> int:
    row = lock.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_blocking_pids(pid) @> ARRAY[pg_backend_pid()]").fetchone()
    return row[0] if row else 0


def test_no_password_is_in_the_logs_whatever_fails(committed_mug: Product, tmp_path: Path) -> None:
    url = urlsplit(os.environ["REDIS_URL"])
    bypassed: list[httpx.Response] = []
    with FaultProxy(url.hostname or "", url.port or 6379) as proxy:
        through = url._replace(netloc=f":{url.password}@{proxy.host}:{proxy.port}").geturl()
        with service(tmp_path / "log", DATABASE_URL=database_url(), REDIS_URL=through, CACHE="redis") as (client, _):
            for fault in ("refuse", "hang"):
                wait_until(lambda: "unreachable" not in client.get(PAGE).headers["Cache-Status"], timeout_seconds=20, what="Redis")
                proxy.set(fault)  # type: ignore[arg-type]
                bypassed.append(client.get(PAGE))
                client.patch(PAGE, json={"price": "1.00"}, headers={"Authorization": "Bearer a-customers-secret"})
                client.get("/cache/")
                proxy.set("pass")
    said = (tmp_path / "log").read_text()

    assert [(each.status_code, "unreachable" in each.headers["Cache-Status"]) for each in bypassed] == [(200, True)] * 2
    assert said.count("circuit open (") == 2
    assert [each for each in (url.password, "k3y-", "a-customers-secret", "redis://") if each and each in said] == []


@pytest.mark.parametrize("fault", ["refuse", "hang"])
def test_nor_in_those_of_the_process_beside_it(committed_mug: Product, tmp_path: Path, fault: str) -> None:
    broker, redis = urlsplit(os.environ["RABBITMQ_URL"]), urlsplit(os.environ["REDIS_URL"])
    with FaultProxy(broker.hostname or "", broker.port or 5672) as one, FaultProxy(redis.hostname or "", redis.port or 6379) as other:
        for proxy in (one, other):
            proxy.set(fault)  # type: ignore[arg-type]
        ours = {
            "RABBITMQ_URL": broker._replace(netloc=f"{broker.username}:{broker.password}@{one.host}:{one.port}").geturl(),
            "REDIS_URL": redis._replace(netloc=f":{redis.password}@{other.host}:{other.port}").geturl(),
            "DATABASE_URL": database_url(), "DEBUG": "0", "SECRET_KEY": "k3y-" * 20 + "0123456789",
        }  # fmt: skip
        log = tmp_path / "log"
        argv = ["sh", "-c", f"exec {sys.executable} manage.py catch_up > {log} 2>&1"]
        with running(argv, **ours) as process:
            wait_until(
                lambda: log.exists() and {"outage", "views"} <= set(re.findall(r"\w+", log.read_text())),
                timeout_seconds=30,
                what="both to be said",
            )
            process.terminate()
            assert process.wait(timeout=10) == 0  # it was alive
    said = (tmp_path / "log").read_text()

    secrets = (broker.password, redis.password, "k3y-", "amqp://", "redis://")
    assert [each for each in secrets if each and each in said] == []
