"""The service itself, started as in production, under the audits of npm's graphql-http: every one of the specification's."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.processes import answers, free_port, running, wait_until

AUDITS = Path("tests/audits")


pytestmark = pytest.mark.native  # Node


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    port = free_port()
    argv = ["python", "-m", "granian", "--interface", request.param, "--port", str(port), f"config.{request.param}:application"]
    # four of the audits send a query with variables, and the only one that any schema answers is introspection
    environment = {
        "INTROSPECTION": "1",
        "DEBUG": "0",
        "SECRET_KEY": "k3y-" * 20,
        "HTTPS": "0",
        "GRANIAN_HOST": "127.0.0.1",
        "GRANIAN_WEBSOCKETS": "0",
    }
    with running(argv, **environment):
        wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=30, what="the service")
        yield f"http://127.0.0.1:{port}/graphql/"


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audits, installed outside of the demo's folder: nothing is left in it."""
    folder = tmp_path_factory.mktemp("audits")
    shutil.copytree(AUDITS, folder, dirs_exist_ok=True)
    npm("ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return folder


def npm(*words: str, cwd: Path) -> None:
    done = subprocess.run(["npm", *words], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_service_passes_every_audit(service: str, audits: Path) -> None:
    done = subprocess.run(["node", "run.mjs", service], cwd=audits, capture_output=True, text=True, timeout=60, env=os.environ)
    results: list[dict[str, Any]] = json.loads(done.stdout)

    assert [each for each in results if each["status"] != "ok"] == []
    assert Counter(each["status"] for each in results) == {"ok": 61}
