"""The edge natively, with nginx and the real servers, and with each dependency frozen."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from labkit.processes import wait_until
from tests.conftest import ROOT
from tests.native_stack import Stack

pytestmark = pytest.mark.native
# offset from PORT_BASE, a read that asks the database
READS = {
    "rest": (1, "/api/v1/products/"),
    "graphql": (2, "/graphql/?query={reviews(first:1){edges{cursor}}}"),
    "queue": (3, "/ledger/"),
    "database": (5, "/stock/"),
    "async": (6, "/quotes/?postcode=10115&weight_grams=500"),
}
DEGRADED = {"redis-server": {"rest": 1, "caching": 4}, "beam.smp": {"rest": 1, "graphql": 2, "queue": 3}}
NAMES = {"redis-server": "Redis", "beam.smp": "AMQP"}
WAITING_CLIENTS = 6


@pytest.fixture(autouse=True, scope="module")
def everything(stack: Stack) -> None:
    """The tests of the lifecycle come before these, and stop most of it."""
    up = stack.make("up")
    assert up.returncode == 0, up.stdout + up.stderr


def test_the_edge_holds_on_every_service(stack: Stack) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-c", "tests/pytest.ini", "--rootdir", ".", "labkit/edge.py"]
    environment = {**os.environ, "PORT_BASE": str(stack.port_base)}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout[-3000:]


def is_named(process: psutil.Process, program: str) -> bool:
    """False also for one that has ended since it was listed: PostgreSQL has a process per connection."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name() == program
    return False


@contextlib.contextmanager
def frozen(stack: Stack, program: str) -> Iterator[None]:
    """The kernel still accepts its connections; it answers nothing."""
    processes = [each for each in stack.processes() if is_named(each, program)]
    assert processes
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def ask(url: str, timeout_seconds: float = 30) -> httpx.Response:
    return httpx.get(url, headers={"Accept": "application/json"}, timeout=timeout_seconds, trust_env=False)


def timed(url: str) -> tuple[int, float]:
    begun = time.monotonic()
    return ask(url).status_code, time.monotonic() - begun


def test_a_frozen_database_is_a_503_and_every_service_recovers(stack: Stack) -> None:
    urls = {name: stack.url(offset, path) for name, (offset, path) in READS.items()}
    assert {name: ask(url).status_code for name, url in urls.items()} == dict.fromkeys(READS, 200)
    with frozen(stack, "postgres"), ThreadPoolExecutor(len(READS) * (WAITING_CLIENTS + 1)) as clients:
        waiting = {name: [clients.submit(ask, url) for _ in range(WAITING_CLIENTS)] for name, url in urls.items()}
        time.sleep(0.5)  # they have reached the database
        live = {name: [timed(stack.url(offset, "/live")) for _ in range(3)] for name, (offset, _) in READS.items()}
        asked = {name: clients.submit(ask, stack.url(offset, "/ready")) for name, (offset, _) in READS.items()}
        ready = {name: each.result() for name, each in asked.items()}
        answers = {name: [each.result() for each in found] for name, found in waiting.items()}

    for name in READS:
        statuses, seconds = zip(*live[name], strict=True)
        # the median: one may meet a busy moment of the machine
        assert (set(statuses), sorted(seconds)[1] < 1) == ({200}, True), name
        assert (ready[name].status_code, ready[name].json()["checks"]["Database"]) == (503, "unavailable"), name
        assert {each.status_code for each in answers[name]} == {503}, name
        assert all(each.headers["Retry-After"] and each.json()["code"] for each in answers[name]), name
    for name, url in urls.items():
        wait_until(lambda url=url: ask(url).status_code == 200, timeout_seconds=20, what=f"the recovery of {name}")


@pytest.mark.parametrize("program", DEGRADED)
def test_a_frozen_helper_is_named_and_degrades_only(stack: Stack, program: str) -> None:
    with frozen(stack, program):
        found = {name: ask(stack.url(offset, "/ready")) for name, offset in DEGRADED[program].items()}
        live = {name: ask(stack.url(offset, "/live")) for name, offset in DEGRADED[program].items()}

    for name, ready in found.items():
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded"), name
        assert ready.json()["checks"][NAMES[program]] == "unavailable", name
        assert live[name].status_code == 200
    for offset in DEGRADED[program].values():
        url = stack.url(offset, "/ready")
        wait_until(lambda url=url: ask(url).json()["status"] == "ready", timeout_seconds=20, what="recovery")
