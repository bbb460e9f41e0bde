"""A pattern works wherever it is copied: each one in a blank project, under another name."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.processes import running, wait_until
from nexus.copying import copy, needed, patterns, renamed, use
from tests.conftest import ROOT

PLACE = "shop_core.vendored"  # another name and depth than at home
SETTINGS = """
import os
from pathlib import Path

import environ

DEBUG = True
BASE_DIR = Path(__file__).parent
SECRET_KEY = "only this blank project uses it"
ROOT_URLCONF = "blank.urls"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
STATIC_URL = "static/"
DATABASES = {"default": environ.Env().db("DATABASE_URL")}
# make copy names those that the pattern reads
REDIS_URL, RABBITMQ_URL, MEMCACHED_URL = (
    os.environ[f"{each}_URL"] for each in ("REDIS", "RABBITMQ", "MEMCACHED")
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
RELABELLED = """
class Copied{number}({config}):
    label = "copied_{label}"
"""
MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blank.settings")
execute_from_command_line(sys.argv)
"""
TEST_USE = """
import importlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings


@pytest.mark.django_db(transaction=True)
def test_the_code_of_the_use_block_runs():
    importlib.import_module("use_block")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", {commands})
def test_a_command_of_the_use_block_runs(command):
    url, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    environment = {{**os.environ, "DATABASE_URL": f"{{url}}/{{settings.DATABASES['default']['NAME']}}"}}
    program, *words = command.split()
    argv = [sys.executable, *words] if program == "python" else [sys.executable, "-m", program, *words]
    process = subprocess.Popen(argv, env=environment)
    deadline = time.monotonic() + 60
    while process.poll() is None and not handles_sigterm(process.pid):  # until it ends or serves
        assert time.monotonic() < deadline
        time.sleep(0.05)
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:  # it serves until it is stopped
        process.terminate()
        process.wait(timeout=10)
    assert process.returncode == 0


def handles_sigterm(pid):
    [caught] = re.findall(r"SigCgt:\\s*(\\w+)", Path(f"/proc/{{pid}}/status").read_text())
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
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
    """A blank project per pattern; the tests of all of them are running."""
    place = tmp_path_factory.mktemp("projects")
    projects = {name: make_project(pattern, place / f"blank_{name.replace('/', '_')}") for name, pattern in patterns().items()}
    argv = [sys.executable, "-P", str(ROOT / "tests/blank_projects.py"), *map(str, projects.values())]
    with running(argv, PYTHONPATH=""):
        yield projects


def make_project(pattern: Path, folder: Path) -> Path:
    """A project that follows the `Use` block, with the pattern's apps under other labels."""
    folder.mkdir()
    name = f"{PLACE}.my_{pattern.name}"
    copy(pattern, folder, name)
    block = use(pattern)
    names = {each: f"{PLACE}.{each.name}" for each in needed(pattern)} | {pattern: name}
    apps = {each: names[each] for each in needed(pattern) if (each / "apps.py").exists()}
    blank = folder / "blank"
    blank.mkdir()
    (blank / "__init__.py").touch()
    (blank / "urls.py").write_text("urlpatterns = []\n")
    relabelled, imports = "", ""
    settings = SETTINGS + renamed(block.settings, pattern, name)
    for number, (each, dotted) in enumerate(apps.items()):
        imports += f"from {dotted}.apps import {config_of(each)}\n"
        relabelled += RELABELLED.format(number=number, config=config_of(each), label=each.name)
        settings += f"""
INSTALLED_APPS = [each for each in INSTALLED_APPS if each != {dotted!r}]
INSTALLED_APPS += ["blank.relabelled.Copied{number}"]
"""
    (blank / "relabelled.py").write_text(imports + relabelled)
    (blank / "settings.py").write_text(settings)
    (folder / "pytest.ini").write_text(PYTEST)
    if block.text:
        (folder / "manage.py").write_text(MANAGE)
        (folder / "use_block.py").write_text(renamed(block.code, pattern, name) + "\n")
        (folder / "test_use.py").write_text(TEST_USE.format(commands=list(block.commands)))
    return folder


def config_of(pattern: Path) -> str:
    """The name of the pattern's AppConfig."""
    text = (pattern / "apps.py").read_text()
    return text.partition("class ")[2].partition("(")[0]


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_passes_its_tests_in_a_blank_project(name: str, projects: dict[str, Path]) -> None:
    exit_code = projects[name] / "exit_code"
    wait_until(exit_code.exists, timeout_seconds=240, what="the tests")

    assert exit_code.read_text() == "0", (projects[name] / "printed").read_text()


def test_a_copy_never_overwrites_changes(tmp_path: Path) -> None:
    pattern = patterns()["messaging/outbox"]
    copy(pattern, tmp_path, "lib.outbox")

    assert copy(pattern, tmp_path, "lib.outbox") == []  # there, and equal
    (tmp_path / "lib/outbox/models.py").write_text("mine = True\n")
    with pytest.raises(RuntimeError, match="exists and differs"):
        copy(pattern, tmp_path, "lib.outbox")
    assert (tmp_path / "lib/outbox/models.py").read_text() == "mine = True\n"


def test_a_refused_copy_writes_nothing(tmp_path: Path) -> None:
    pattern = patterns()["messaging/consumer"]
    (tmp_path / "lib/publisher").mkdir(parents=True)

    with pytest.raises(RuntimeError, match="publisher exists and differs"):
        copy(pattern, tmp_path, "lib.consumer")
    assert not (tmp_path / "lib/consumer").exists()


def test_make_copy_lists_the_patterns() -> None:
    environment = {**os.environ, "RUNTIME": "native"}
    done = subprocess.run(["make", "-s", "copy"], cwd=ROOT, capture_output=True, text=True, env=environment)

    assert done.returncode != 0
    assert "  http       access_token, " in done.stderr


def test_make_copy_prints_what_to_do_next(tmp_path: Path) -> None:
    words = ["make", "-s", "copy", "PATTERN=outbox", f"TO={tmp_path}", "AS=common.events"]
    environment = {**os.environ, "RUNTIME": "native"}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment)

    assert done.returncode == 0, done.stderr
    assert "python -m pytest common/events" in done.stdout
    assert "patterns.messaging" not in done.stdout
    assert (tmp_path / "common/events/migrations/0001_initial.py").exists()
