"""A deploy stops each web process in the middle of a request: what was accepted is answered, and what was not finds the port closed."""

import asyncio
import os
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from labkit import FaultProxy
from labkit.processes import answers, free_port, running, wait_until
from nexus.compose import services
from tests.conftest import ROOT

SECRETS = dict.fromkeys(("SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET"), "w0rd-" * 8)
PROCESSES = services({**SECRETS, "PORT_BASE": "8000"}).values()
WEB = [each for each in PROCESSES if each.command[:1] == ["granian"] and "DATABASE_URL" in each.environment]


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


def test_every_demo_has_a_web_process_to_stop() -> None:
    assert len(WEB) == 6


@pytest.mark.parametrize("service", WEB, ids=lambda service: service.name)
def test_a_request_in_flight_is_answered_when_its_service_is_stopped(service: "object", monkeypatch: pytest.MonkeyPatch) -> None:
    server = urlsplit(os.environ["POSTGRES_URL"])
    port, got = free_port(), []
    monkeypatch.chdir(ROOT / service.demo)  # type: ignore[attr-defined]
    with Holding(str(server.hostname), server.port or 5432) as proxy:
        environment = {
            "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": SECRETS["SECRET_KEY"], "PYTHONPATH": str(ROOT), "CACHE": "off",
            "GRANIAN_HOST": "127.0.0.1", "GRANIAN_PORT": str(port),
            "DATABASE_URL": f"postgres://{server.username}:{server.password}@127.0.0.1:{proxy.port}/postgres",
        }  # fmt: skip
        with running(["python", "-m", *service.command], **environment) as process:  # type: ignore[attr-defined]
            wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=60, what="the service")
            asking = threading.Thread(target=lambda: got.append(httpx.get(f"http://127.0.0.1:{port}/ready", timeout=60).status_code))
            proxy.holding = True
            asking.start()
            assert proxy.held.wait(timeout=30)

            process.terminate()
            wait_until(lambda: not answers("127.0.0.1", port), timeout_seconds=30, what="the port to close")
            proxy.holding = False
            asking.join(timeout=30)
            process.wait(timeout=30)

    assert got == [200]
    assert process.returncode == 0
