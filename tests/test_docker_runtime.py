"""`up` and `down` with Docker, against a `docker` that only keeps a list of what runs."""

import os
import subprocess
from pathlib import Path

import pytest

from nexus.compose import services
from tests.conftest import copy_set_up

pytestmark = pytest.mark.native
SECRETS = dict.fromkeys(
    ("SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS"), "w0rd-" * 8
)
# $HOME/services: name, demo, profiles; $HOME/running: the names of what runs
DOCKER = r"""#!/bin/sh
echo "$COMPOSE_PROFILES $*" >>"$HOME/log"
enabled() { awk -v profiles="$COMPOSE_PROFILES" '
    BEGIN { split(profiles, wanted, ",") }
    { for (i in wanted) if (index("," $3 ",", "," wanted[i] ",")) { print $1; break } }' "$HOME/services"; }
case "$*" in
info | "compose version"*) ;;
"compose up"*)
    [ ! -e "$HOME/broken" ] || { echo half-started >>"$HOME/running"; exit 1; }
    enabled | sort -u - "$HOME/running" >"$HOME/new" && mv "$HOME/new" "$HOME/running"
    ;;
"compose ps --format"*nexus.demo*)
    awk 'NR == FNR { runs[$1] = 1; next } runs[$1] { print $2 }' "$HOME/running" "$HOME/services"
    ;;
"compose ps"*--services) cat "$HOME/running" ;;
"compose ps --all --format json") echo "the list" ;;
"compose ps"* | "compose logs"*) ;;
"compose config --services") enabled ;;
"compose rm --stop --force"*)
    shift 4
    for name in "$@"; do grep -vx -e "$name" "$HOME/running" >"$HOME/new"; mv "$HOME/new" "$HOME/running"; done
    ;;
"compose down"*) : >"$HOME/running" ;;
"ps --all --filter name=^"*) # the containers of other runs, by the pid of their make
    prefix=${4#name=^}
    sed "s/^/$prefix/" "$HOME/workbenches"
    ;;
"rm --force "*) ;;
"compose --profile workbench run"*) [ ! -e "$HOME/broken" ] ;;
"compose run"*portal*) [ "$(cat)" = "the list" ] || exit 1 ;;
*) exit 1 ;;
esac
"""


class Engine:
    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.copy = folder / "nexus"
        programs = self.home / "bin"
        programs.mkdir(parents=True)
        (programs / "docker").write_text(DOCKER)
        (programs / "docker").chmod(0o755)
        copy_set_up(self.copy)
        found = services(SECRETS).values()
        lines = (f"{each.name} {each.demo or '-'} {','.join(each.profiles)}\n" for each in found)
        (self.home / "services").write_text("".join(lines))
        (self.home / "running").touch()
        self.path = f"{programs}:{os.environ['PATH']}"

    def door(self, action: str, demo: str = "") -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": self.path, "HOME": str(self.home), "RUNTIME": "docker", "DEMO": demo}
        argv = ["sh", "nexus/door.sh", action]
        return subprocess.run(argv, cwd=self.copy, env=environment, capture_output=True, text=True, timeout=60)

    def running(self) -> set[str]:
        return set((self.home / "running").read_text().split())


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


def names_of(profile: str) -> set[str]:
    return {each.name for each in services(SECRETS).values() if profile in each.profiles}


def test_a_demo_is_added_and_stopped_with_what_only_it_needs(engine: Engine) -> None:
    for demo in ("async_demo", "caching_demo"):
        up = engine.door("up", demo)
        assert up.returncode == 0, up.stderr
    both = engine.running()
    down = engine.door("down", "caching_demo")
    left = engine.running()
    again = engine.door("down", "caching_demo")
    last = engine.door("down", "async_demo")

    assert both == names_of("async_demo") | names_of("caching_demo")
    assert left == names_of("async_demo")
    assert "stopped caching_demo; the data is kept. Still running: async_demo" in down.stdout
    assert "redis" in down.stdout
    assert "caching_demo is not running; running: async_demo" in again.stdout
    assert last.returncode == 0, last.stderr
    assert engine.running() == set()


def test_one_demo_less_of_all_leaves_the_others(engine: Engine) -> None:
    engine.door("up")
    down = engine.door("down", "queue_demo")

    assert down.returncode == 0, down.stderr
    assert engine.running() == {each.name for each in services(SECRETS).values() if "all" in each.profiles} - {
        each.name for each in services(SECRETS).values() if each.demo == "queue_demo"
    }


def test_an_up_that_fails_leaves_what_ran_before(engine: Engine) -> None:
    engine.door("up", "async_demo")
    (engine.home / "broken").touch()
    up = engine.door("up", "caching_demo")

    assert up.returncode == 2
    assert engine.running() == names_of("async_demo")
    assert not (engine.copy / ".make.lock").is_symlink()


def test_down_in_a_fresh_clone_asks_no_engine(engine: Engine) -> None:
    down = engine.door("down")

    assert "nothing was started in this checkout" in down.stdout
    assert not (engine.home / "log").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_a_workbench_is_removed_with_its_run_or_after_it_was_killed(engine: Engine, fails: bool) -> None:
    with subprocess.Popen(["true"]) as killed:
        pass
    (engine.home / "workbenches").write_text(f"{killed.pid}\n{os.getpid()}\n")
    if fails:
        (engine.home / "broken").touch()
    test = engine.door("test")
    removed = [line.rpartition("-")[2] for line in (engine.home / "log").read_text().splitlines() if " rm --force " in line]

    assert (test.returncode != 0) == fails, test.stderr
    assert removed[0] == str(killed.pid)
    assert str(os.getpid()) not in removed  # a run beside it
    assert len(removed) == 2  # and its own
