"""A deploy stops each web process in the middle of a request: what was accepted is answered, and what was not finds the port closed."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from labkit import FaultProxy
from labkit.processes import answers, free_port, is_serving, kill, listening, running, wait_until
from nexus.compose import Service, services
from tests.conftest import ROOT

START_FOR_EVER = "import time\ntime.sleep(600)\n"
NAMES = ("SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS")
SECRETS = dict.fromkeys(NAMES, "w0rd-" * 8)
PROCESSES = services({**SECRETS, "PORT_BASE": "8000"}).values()
SERVED = [each for each in PROCESSES if each.command[:1] in (["gunicorn"], ["uvicorn"])]
WEB = [each for each in SERVED if "DATABASE_URL" in each.environment]


class Holding(FaultProxy):
    """Keeps back what is said to the server, until it is let go."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.holding = False
        self.held = threading.Event()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        while chunk := await reader.read(65536):
            while self.holding:
                self.held.set()
                await asyncio.sleep(0.02)
            writer.write(chunk)
            await writer.drain()


@contextlib.contextmanager
def started(command: list[str], port: int, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The service, when it answers."""
    argv = [sys.executable, "-m", *command]
    process = subprocess.Popen(argv, env={**os.environ, **environment, **listening(port)}, start_new_session=True)
    try:
        wait_until(lambda: is_live(port), timeout_seconds=60, what="the service")
        yield process
    finally:
        kill(process)
        process.wait()


def is_live(port: int) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/live", trust_env=False).status_code == 200
    return False


def test_every_demo_has_a_web_process_to_stop() -> None:
    assert len(WEB) == 6


@pytest.mark.parametrize("service", WEB, ids=lambda service: service.name)
def test_a_request_in_flight_is_answered_when_its_service_is_stopped(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    server = urlsplit(os.environ["POSTGRES_URL"])
    port, got = free_port(), []
    monkeypatch.chdir(ROOT / service.demo)
    with Holding(str(server.hostname), server.port or 5432) as proxy:
        environment = {
            "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": SECRETS["SECRET_KEY"], "PYTHONPATH": str(ROOT), "CACHE": "off",
            "DATABASE_URL": f"postgres://{server.username}:{server.password}@127.0.0.1:{proxy.port}/postgres",
        }  # fmt: skip
        with started(service.command, port, **environment) as process:
            asking = threading.Thread(target=lambda: got.append(httpx.get(f"http://127.0.0.1:{port}/ready", timeout=60).status_code))
            proxy.holding = True
            asking.start()
            assert proxy.held.wait(timeout=30)

            process.terminate()
            wait_until(lambda: not is_serving(port, 1), timeout_seconds=30, what="the service to stop accepting")
            proxy.holding = False
            asking.join(timeout=30)
            process.wait(timeout=30)

    assert got == [200]
    assert process.returncode in (0, -signal.SIGTERM)  # uvicorn stops, and repeats the signal


def test_a_service_whose_worker_is_still_starting_stops(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(START_FOR_EVER)
    assert [each.name for each in SERVED if not {"--graceful-timeout", "--timeout-graceful-shutdown"} & set(each.command)] == []
    command = [word for word in WEB[0].command if word != "--preload"]  # so that a worker imports
    grace = command.index("--graceful-timeout") + 1
    argv = ["python", "-m", *command[:grace], "1", *command[grace + 1 : -1], "module:application"]
    with running(argv, PYTHONPATH=str(tmp_path), **listening(free_port())) as process:
        master = psutil.Process(process.pid)
        wait_until(lambda: bool(master.children()), timeout_seconds=30, what="a worker")
        process.terminate()

        process.wait(timeout=15)


@pytest.mark.parametrize("service", WEB, ids=lambda service: service.name)
def test_a_killed_master_leaves_no_worker_that_serves(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.chdir(ROOT / service.demo)
    environment = {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": SECRETS["SECRET_KEY"], "PYTHONPATH": str(ROOT)}
    with started(service.command, port, **environment) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()

        wait_until(lambda: not answers("127.0.0.1", port), timeout_seconds=30, what="the port to close")
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []


@pytest.mark.nightly
@pytest.mark.parametrize("service", [WEB[0], WEB[-1]], ids=lambda service: service.name)
def test_fifty_stops_at_random_moments_end_within_the_grace(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(4711)  # noqa: S311
    monkeypatch.chdir(ROOT / service.demo)
    environment = {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": SECRETS["SECRET_KEY"], "PYTHONPATH": str(ROOT)}
    for number in range(50):
        port = free_port()
        argv = ["python", "-m", *service.command]
        with running(argv, **environment, **listening(port)) as process:
            wait_until(lambda pid=process.pid: psutil.pid_exists(pid), timeout_seconds=5, what="the process")
            time.sleep(chance.uniform(0.3, 3))  # while it imports, forks, boots, or serves
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            load = threading.Thread(target=lambda port=port: [is_live(port) for _ in range(5)])
            load.start()
            process.terminate()
            _, alive = psutil.wait_procs(family, timeout=30)
            load.join()

        assert alive == [], f"stop {number}"
