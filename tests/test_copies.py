"""A pattern works when it is copied out: each one, in a blank Django project, with its own test."""

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> "dict[str, Future[subprocess.CompletedProcess[str]]]":
    """All patterns in their blank projects, two at a time."""
    pool = ThreadPoolExecutor(2)
    return {name: pool.submit(run_in_blank_project, name, tmp_path_factory.mktemp("blank")) for name in patterns()}


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_and_its_test_pass_in_a_blank_project(name: str, runs: "dict[str, Future[subprocess.CompletedProcess[str]]]") -> None:
    done = runs[name].result()

    assert done.returncode == 0, done.stdout + done.stderr


def run_in_blank_project(name: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    pattern = patterns()[name]
    copy(pattern, tmp_path)
    apps = [f'"patterns.{each.name}"' for each in needed(pattern) if (each / "apps.py").exists()]
    blank = tmp_path / "blank"
    blank.mkdir()
    (blank / "__init__.py").touch()
    (blank / "urls.py").write_text("urlpatterns = []\n")
    (blank / "settings.py").write_text(SETTINGS.format(apps=", ".join(apps)))
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "blank.settings",
        "DATABASE_URL": f"{os.environ['POSTGRES_URL']}/blank_{pattern.stem}",
    }

    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "--rootdir", str(tmp_path), "tests"]
    return subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)


def test_a_copy_never_overwrites(tmp_path: Path) -> None:
    pattern = next(iter(patterns().values()))
    copy(pattern, tmp_path)

    with pytest.raises(RuntimeError, match="is there already"):
        copy(pattern, tmp_path)


def test_make_copy_says_what_there_is() -> None:
    done = subprocess.run(["make", "-s", "copy"], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "RUNTIME": "native"})

    assert done.returncode != 0
    assert "rest_demo/idempotency" in done.stderr
