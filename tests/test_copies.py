"""A pattern works when it is copied out: each one, in a blank Django project, with its own test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.processes import running, wait_until
from nexus.copying import copy, needed, patterns
from tests.conftest import ROOT

SETTINGS = """
import environ

SECRET_KEY = "a blank project's"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", {apps}]
DATABASES = {{"default": environ.Env().db("DATABASE_URL")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
ROOT_URLCONF = "blank.urls"
"""
PYTEST = """
[pytest]
DJANGO_SETTINGS_MODULE = blank.settings
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
markers = native: starts servers of its own
"""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A blank project for each pattern; in all of them the tests are running."""
    place = tmp_path_factory.mktemp("projects")
    projects = {name: make_project(pattern, place / f"blank_{name.replace('/', '_')}") for name, pattern in patterns().items()}
    argv = [sys.executable, "-P", str(ROOT / "tests/blank_projects.py"), *map(str, projects.values())]
    with running(argv, PYTHONPATH=""):
        yield projects


def make_project(pattern: Path, folder: Path) -> Path:
    folder.mkdir()
    copy(pattern, folder)
    apps = [f'"patterns.{each.name}"' for each in needed(pattern) if (each / "apps.py").exists()]
    (folder / "pytest.ini").write_text(PYTEST)
    blank = folder / "blank"
    blank.mkdir()
    (blank / "__init__.py").touch()
    (blank / "urls.py").write_text("urlpatterns = []\n")
    (blank / "settings.py").write_text(SETTINGS.format(apps=", ".join(apps)))
    return folder


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_and_its_test_pass_in_a_blank_project(name: str, projects: dict[str, Path]) -> None:
    exit_code = projects[name] / "exit_code"
    wait_until(exit_code.exists, timeout_seconds=240, what="the tests")

    assert exit_code.read_text() == "0", (projects[name] / "printed").read_text()


def test_a_copy_never_overwrites(tmp_path: Path) -> None:
    pattern = next(iter(patterns().values()))
    copy(pattern, tmp_path)

    with pytest.raises(RuntimeError, match="is there already"):
        copy(pattern, tmp_path)


def test_make_copy_says_what_there_is() -> None:
    done = subprocess.run(["make", "-s", "copy"], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "RUNTIME": "native"})

    assert done.returncode != 0
    assert "rest_demo/idempotency" in done.stderr
