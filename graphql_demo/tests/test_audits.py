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

from tests.served import served

AUDITS = Path("tests/audits")


pytestmark = [pytest.mark.native, pytest.mark.slow]  # Node


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    # four of the audits send a query with variables, and the only one that any schema answers is introspection
    with served(request.param, INTROSPECTION="1") as (url, _):
        yield f"{url}/graphql/"


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audits, installed outside of the demo's folder: nothing is left in it."""
    folder = tmp_path_factory.mktemp("audits")
    shutil.copytree(AUDITS, folder, dirs_exist_ok=True)
    npm("ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    return folder


def npm(*words: str, cwd: Path) -> None:
    done = subprocess.run(["npm", *words], cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_the_service_passes_every_audit(service: str, audits: Path) -> None:
    done = subprocess.run(["node", "run.mjs", service], cwd=audits, capture_output=True, text=True, timeout=300, env=os.environ)
    results: list[dict[str, Any]] = json.loads(done.stdout)

    assert [each for each in results if each["status"] != "ok"] == []
    assert Counter(each["status"] for each in results) == {"ok": 61}
