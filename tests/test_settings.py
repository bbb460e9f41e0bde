"""What is missing is refused before anything starts, by its name: by the services, by their seeds, and by make."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nexus.demos import token_keys
from patterns.http.access_token.keys import DEVELOPMENT_KEY, new_pair
from tests.conftest import DEMOS, ROOT
from tests.test_door import door

ROOMS = [*DEMOS, ROOT / "portal"]
SET = {"DEBUG": "0", "SECRET_KEY": "k3y-" * 20, **token_keys()}
# where a default would be a hole or a puzzle: what is set, and which variable the refusal names
REFUSED = [
    *((room.name, {"DEBUG": "0"}, "SECRET_KEY") for room in ROOMS),
    *((demo.name, {**SET, "TOKEN_PUBLIC_KEYS": ""}, "TOKEN_PUBLIC_KEYS") for demo in DEMOS),
    ("rest_demo", {**SET, "TOKEN_SIGNING_KEY": ""}, "TOKEN_SIGNING_KEY"),
    ("rest_demo", {**SET, "TOKEN_SIGNING_KEY": DEVELOPMENT_KEY}, "TOKEN_SIGNING_KEY"),
    ("rest_demo", {**SET, "TOKEN_SIGNING_KEY": new_pair()[0]}, "TOKEN_PUBLIC_KEYS"),
    ("rest_demo", {**SET, "PAYMENT_PROVIDER_URL": "http://pay.example"}, "WEBHOOK_SECRETS"),
    ("rest_demo", {**SET, "PAYMENT_PROVIDER_URL": "http://pay.example", "WEBHOOK_SECRETS": "short"}, "WEBHOOK_SECRETS"),
    ("caching_demo", {**SET, "CACHE": "redis"}, "REDIS_URL"),
    ("caching_demo", {**SET, "CACHE": "memcached"}, "MEMCACHED_URL"),
    ("caching_demo", {**SET, "CACHE": "file"}, "CACHE"),
    ("portal", {**SET, "SERVERS": "postgres=nowhere"}, "SERVERS"),
    ("portal", {**SET, "SOURCE_URL": "javascript:alert(1)"}, "SOURCE_URL"),
]
# set by the image or by a laboratory, and of no use in .env
INTERNAL = {"ALIVE_FILE", "EVENTS_EXCHANGE", "INTROSPECTION", "QUEUE_PREFIX"}
READ = re.compile(r"env(?:\.\w+)?\(\s*\"([A-Z_]+)\"")
SEEDED = [demo for demo in DEMOS if "DEMO_PASSWORD" in next(demo.glob("*/management/commands/seed.py")).read_text()]


@pytest.mark.parametrize(("room", "variables", "named"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_service_refuses_to_start_and_names_the_variable(room: str, variables: dict[str, str], named: str) -> None:
    done = manage(ROOT / room, "check", **variables)

    assert done.returncode != 0
    assert named in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("demo", SEEDED, ids=lambda demo: demo.name)
def test_no_user_is_seeded_with_a_password_that_is_known(demo: Path) -> None:
    done = manage(demo, "seed", **SET)

    assert done.returncode != 0
    assert "DEMO_PASSWORD" in done.stderr


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS"]
)
def test_make_up_refuses_an_empty_secret_and_names_it(name: str, tmp_path: Path) -> None:
    # the lines of door() come after ours, and the first line of a name is the one that counts
    done = door(tmp_path, "up", env_lines=[f"{name}="], RUNTIME="native")

    assert done.returncode != 0
    assert f"{name} is empty" in done.stderr


@pytest.mark.parametrize(
    ("in_env", "in_shell", "used"),
    [
        ([], {}, "8000"),  # the default
        (["PORT_BASE=9300"], {}, "9300"),
        (["PORT_BASE=9300"], {"PORT_BASE": "9400"}, "9400"),  # the shell beats .env
        (['PORT_BASE="9300"'], {}, "9300"),
        (["PORT_BASE=9300\r"], {}, "9300"),
    ],
)
def test_the_shell_beats_env_and_env_beats_the_default(in_env: list[str], in_shell: dict[str, str], used: str, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "curl").write_text("#!/bin/sh\n")
    (programs / "curl").chmod(0o755)
    done = door(tmp_path, "smoke", env_lines=in_env, PATH=f"{programs}:{os.environ['PATH']}", **in_shell)

    assert f"port {used}," in done.stdout, done.stdout + done.stderr


def manage(room: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | variables
    return subprocess.run([sys.executable, "manage.py", *words], cwd=room, env=environment, capture_output=True, text=True, timeout=60)


def test_every_variable_that_a_service_reads_stands_in_env_example() -> None:
    read = {name for room in ROOMS for file in room.glob("config/*.py") for name in READ.findall(file.read_text())}
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    wired = {name for service in document["services"].values() for name in service.get("environment", {})}

    assert not read - explained - wired - INTERNAL
    assert read >= INTERNAL


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_manage_py_runs_in_its_folder_without_make(room: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=room, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
