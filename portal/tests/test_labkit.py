"""Portal and labkit keep one contract: here the portal meets the real `labkit.http`, in a demo that is made for it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from door.demos import BY_NAME
from door.http import ask
from door.labs import Challenge, read_lab
from labkit.processes import free_port, listening, running, wait_until, web_server

SETTINGS = """
import environ
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS, INSTALLED_APPS = "k3y", "urls", ["127.0.0.1"], []
DATABASES = {"default": environ.Env().db("DATABASE_URL", default="sqlite://:memory:")}
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("lab/", include("labkit.http"))]
"""
EXPERIMENT = """
from labkit import Experiment
experiment = Experiment(
    challenge="Two and two make five", solution="arithmetic", load="one addition",
    naive=lambda: {"sum": 5}, solved=lambda: {"sum": 4},
    breaks=lambda counts: counts["sum"] == 5, holds=lambda counts: counts["sum"] == 4, proof=("sum",), code="patterns/sum.py",
)
"""
DEMO = BY_NAME["rest_demo"]


@pytest.fixture
def demo_with_database(tmp_path: Path, settings: Any) -> Callable[[str], Challenge]:
    """Starts a demo with this DATABASE_URL, presses its button, and waits for the end of the run."""
    folder = tmp_path / f"portal_{os.getpid()}"  # a lab's database is named after it: no real demo's is to be dropped
    (folder / "lab").mkdir(parents=True)
    for name, text in {"settings.py": SETTINGS, "urls.py": URLS, "lab/__init__.py": "", "lab/two_and_two.py": EXPERIMENT}.items():
        (folder / name).write_text(text)
    port = free_port()
    settings.INTERNAL_URLS["rest_demo"] = f"http://127.0.0.1:{port}"
    environment = {
        "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parent.parent.parent}",
        "DJANGO_SETTINGS_MODULE": "settings",
        "TMPDIR": str(tmp_path),
    }
    argv = [*web_server("django.core.wsgi:get_wsgi_application()"), "--chdir", str(folder)]

    def press(database_url: str) -> Challenge:
        with running(argv, **environment, **listening(port), DATABASE_URL=database_url):
            wait_until(lambda: bool(read_lab(DEMO).challenges), timeout_seconds=40, what="the demo")
            [before] = read_lab(DEMO).challenges
            pressed = Client(headers={"HX-Request": "true"}).post("/runs/rest_demo/two_and_two/").content.decode()
            # its result is there before its process has dropped the lab's database, and is gone
            wait_until(lambda: ask("GET", DEMO, "/lab/").json()["running"] is None, timeout_seconds=30, what="the run's end")
            [after] = read_lab(DEMO).challenges
        assert (before.status, before.challenge, before.result) == ("idle", "Two and two make five", None)
        assert "Running…" in pressed
        return after

    return press


def test_a_run_is_followed_to_its_result(demo_with_database: Callable[[str], Challenge]) -> None:
    database_url = os.environ.get("DATABASE_URL", "")
    if not database_url.startswith("postgres"):
        pytest.fail("experiments need PostgreSQL: set DATABASE_URL")

    after = demo_with_database(database_url)

    assert after.status == "done"
    assert after.result is not None
    assert (after.result.proof, after.result.holds, after.result.is_fresh) == ("sum: 5 → 4", True, True)


def test_a_run_that_fails_says_why(demo_with_database: Callable[[str], Challenge]) -> None:
    after = demo_with_database("sqlite://:memory:")

    assert after.status == "failed"
    assert "the experiments need PostgreSQL" in after.error
