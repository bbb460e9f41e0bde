"""Flower, as compose starts it."""

import os
import subprocess
import sys

import httpx

from labkit.processes import answers, free_port, running, wait_until
from tests.conftest import Broker

FLOWER = ["-m", "celery", "-A", "config", "flower"]


def test_flower_asks_who_is_there(broker: Broker) -> None:
    port = free_port()
    environment = {"RABBITMQ_URL": broker.url, "DEBUG": "1", "HOST": "127.0.0.1", "PORT": str(port)}

    with running(["python", *FLOWER], FLOWER_LOGIN="nexus:word", **environment):
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=30, what="Flower")
        codes = [
            httpx.get(f"http://127.0.0.1:{port}/tasks", auth=auth).status_code for auth in (None, ("nexus", "other"), ("nexus", "word"))
        ]

    assert codes == [401, 401, 200]


def test_flower_does_not_start_without_a_login(broker: Broker) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "FLOWER_LOGIN"} | {"RABBITMQ_URL": broker.url, "DEBUG": "1"}
    done = subprocess.run([sys.executable, *FLOWER], env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode != 0
    assert "FLOWER_LOGIN" in done.stderr
