"""The set-up of a checkout: one make at a time, packages in our own environment only, and nothing lost when it fails.

pip and uv are replaced by small programs that do what the set-up asks of them; Python, venv and the shell are real.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import copy_set_up

pytestmark = pytest.mark.native
BASE = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
PACKAGES = Path(next(path for path in sys.path if path.endswith("site-packages")))
# makes environments with a pip that "installs" a uv; all else is the real Python's business
PYTHON = f"""#!/bin/sh
for word in "$@"; do last=$word; done
case "$*" in
*"-m venv"*) rm -f "$last/pyvenv.cfg" && {BASE} -I -m venv --without-pip "$last" || exit 1 ;;
*) exec {BASE} "$@" ;;
esac
printf '#!/bin/sh\\nln -s "$HOME/uv" "%s/bin/uv"\\n' "$last" >"$last/bin/pip" && chmod 755 "$last/bin/pip"
cd "$last"/lib/python3*/site-packages && mkdir pip && cp "$HOME/pip.py" pip/__main__.py
"""
PIP = """
import os, sys
os.symlink(os.path.expanduser("~/uv"), os.path.join(sys.prefix, "bin/uv"))
"""
# installs one package where the given Python says, and remembers its answer for ever, as uv does. What uv would put
# into a Python of this machine, this one only notes
UV = f"""#!/bin/sh
echo "$@" >>"$HOME/uv.log"
[ ! -e "$HOME/offline" ] || {{ echo "error: no network" >&2 && exit 1; }}
while [ "$1" != --python ]; do shift; done
known="$HOME/known-$(realpath -s "$2" | tr / _)"
[ -e "$known" ] || "$2" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$known"
place=$(cat "$known")
[ ! -e "$HOME/slow" ] || sleep 1
case $place in "${{HOME%/*}}"/*) ;; *) echo "$place" >>"$HOME/outside" && exit 1 ;; esac
mkdir "$place/django-9.dist-info" || exit 1
printf 'Name: django\\nVersion: 9\\n' >"$place/django-9.dist-info/METADATA"
echo {PACKAGES} >"$place/all.pth"
"""
SAYS = """
import os, sys
print("ran", sys.argv[1], sys.prefix)
print("\\n".join(f"{name}={value}" for name, value in os.environ.items()))
"""


class Checkout:
    """A copy of this checkout without packages, in which `python -m nexus` only says that it ran."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder / "nexus"
        self.global_packages = folder / "global-packages"
        self.home.mkdir()
        self.global_packages.mkdir()
        copy_set_up(self.folder)
        (self.folder / "nexus/__main__.py").write_text(SAYS)
        for name, text in (("python", PYTHON), ("uv", UV), ("pip.py", PIP)):
            (self.home / name).write_text(text)
            (self.home / name).chmod(0o755)

    def door(self, action: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "RUNTIME": "native", "INSTALL": "0"}
        environment |= {"PYTHON": str(self.home / "python")} | variables
        argv = ["sh", "nexus/door.sh", action]
        return subprocess.run(argv, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)

    def installs(self) -> int:
        log = self.home / "uv.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def outside(self) -> str:
        """The folders of this machine's Pythons that packages would have been put in."""
        noted = self.home / "outside"
        return noted.read_text() if noted.exists() else ""

    def works(self) -> bool:
        """The environment runs, and the packages are in it."""
        found = list((self.folder / ".venv/lib").glob("python3*/site-packages/django-9.dist-info"))
        return len(found) == 1 and subprocess.run([self.folder / ".venv/bin/python", "-c", "import rich"]).returncode == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_makes_at_once_in_a_fresh_clone_set_it_up_once(checkout: Checkout) -> None:
    (checkout.home / "slow").touch()
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(checkout.door, ["up", "test", "lab", "shape"]))

    assert checkout.outside() == ""
    assert [each.returncode for each in done] == [0] * 4, [each.stderr for each in done]
    assert checkout.installs() == 1
    assert checkout.works()
    assert sum("created .env" in each.stderr for each in done) == 1
    assert sum("waiting for another make (process" in each.stderr for each in done) >= 1
    assert not list(checkout.folder.glob(".env.draft"))


def test_a_half_made_environment_never_leads_to_the_global_python(checkout: Checkout) -> None:
    """uv once asked the Python of a .venv that was not complete, was told the global one's folder, and remembers it."""
    half_made = checkout.folder / ".venv/bin"
    half_made.mkdir(parents=True)
    (half_made / "python").symlink_to(BASE)
    known = str(half_made / "python").replace("/", "_")
    (checkout.home / f"known-{known}").write_text(str(checkout.global_packages))
    done = checkout.door("test")

    assert list(checkout.global_packages.iterdir()) == []
    assert done.returncode == 0, done.stderr
    assert checkout.works()


def test_a_python_that_makes_no_environment_is_refused_before_anything_is_installed(checkout: Checkout) -> None:
    python = checkout.home / "python"
    python.write_text(PYTHON.replace("|| exit 1", '&& rm "$last/pyvenv.cfg"'))
    done = checkout.door("test")

    assert done.returncode == 2
    assert "created no environment" in done.stderr
    assert checkout.installs() == 0
    assert not (checkout.folder / ".venv").exists()


def test_packages_that_land_elsewhere_are_noticed(checkout: Checkout) -> None:
    uv = checkout.home / "uv"
    uv.write_text(UV.replace("place=$(cat", f"place={checkout.global_packages} # $(cat"))
    done = checkout.door("test")

    assert done.returncode == 2
    assert "the packages were installed outside" in done.stderr
    assert not (checkout.folder / ".venv").exists()


def test_a_broken_environment_heals(checkout: Checkout) -> None:
    checkout.door("shape")
    python = checkout.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")  # the Python that it was made from is gone
    done = checkout.door("test")

    assert done.returncode == 0, done.stderr
    assert checkout.works()
    assert checkout.installs() == 2


@pytest.mark.parametrize("action", ["down", "status", "logs", "doctor"])
def test_stopping_and_looking_install_nothing(action: str, checkout: Checkout) -> None:
    before = sorted(path.name for path in checkout.folder.iterdir())
    fresh = checkout.door(action)
    after = sorted(path.name for path in checkout.folder.iterdir())

    assert fresh.returncode == 0, fresh.stderr
    assert "make up" in fresh.stdout
    assert before == after
    assert checkout.installs() == 0


def test_a_changed_lock_file_without_network_leaves_a_stack_that_can_be_stopped(checkout: Checkout) -> None:
    checkout.door("up")
    (checkout.home / "offline").touch()
    with (checkout.folder / "constraints.txt").open("a") as constraints:
        constraints.write("# another\n")
    stopping = {action: checkout.door(action) for action in ("down", "status", "doctor")}
    begun = checkout.installs()
    up = checkout.door("up")

    assert {action: done.returncode for action, done in stopping.items()} == {"down": 0, "status": 0, "doctor": 0}
    assert begun == 1
    assert up.returncode == 2
    assert "no network" in up.stderr
    assert checkout.works()
    assert "ran down" in checkout.door("down").stdout

    (checkout.home / "offline").unlink()
    assert checkout.door("up").returncode == 0
    assert checkout.works()


def test_down_says_how_to_repair_the_environment_that_it_needs(checkout: Checkout) -> None:
    checkout.door("shape")
    (checkout.folder / ".run").mkdir()
    (checkout.folder / ".run/supervisord.conf").write_text("port=127.0.0.1:8099\n")
    (checkout.folder / ".venv/bin/python").unlink()
    down = checkout.door("down")

    assert down.returncode == 2
    assert ".venv is broken: make up builds a new one, and then make down works" in down.stderr


def test_the_lock_of_a_make_that_was_killed_holds_nobody_up(checkout: Checkout) -> None:
    checkout.door("shape")
    lock = checkout.folder / ".make.lock"
    with subprocess.Popen(["true"]) as ended:
        pass
    with subprocess.Popen(["sleep", "60"]) as other:  # it got the pid of the make that was killed
        for pid in (ended.pid, other.pid):
            lock.unlink(missing_ok=True)
            lock.symlink_to(str(pid))
            begun = time.monotonic()
            done = checkout.door("shape")

            assert done.returncode == 0, done.stderr
            assert "waiting" not in done.stderr
            assert time.monotonic() - begun < 5
        other.kill()


def test_the_shell_cannot_change_what_servers_and_the_set_up_do(checkout: Checkout) -> None:
    hostile = {
        "PGSSLMODE": "verify-full", "PGSERVICE": "nowhere", "PGOPTIONS": "-c no=1", "PGHOSTADDR": "192.0.2.1",
        "REDISCLI_AUTH": "x", "RABBITMQ_NODENAME": "x@y", "ERL_FLAGS": "-no", "DJANGO_SETTINGS_MODULE": "x",
        "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere", "PIP_TARGET": "/nowhere", "PIP_USER": "1",
        "UV_SYSTEM_PYTHON": "1", "UV_PROJECT_ENVIRONMENT": "/nowhere", "VIRTUAL_ENV": "/nowhere",
    }  # fmt: skip
    kept = {"PIP_INDEX_URL": "https://mirror.example/", "UV_DEFAULT_INDEX": "https://mirror.example/", "REDIS_URL": "redis://mine"}
    done = checkout.door("test", **hostile, **kept, HTTP_PROXY="http://192.0.2.1:1", no_proxy="example.org")
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)

    assert done.returncode == 0, done.stderr
    assert checkout.works()
    assert set(told) & set(hostile) == set()
    assert {name: told[name] for name in kept} == kept
    for name in ("NO_PROXY", "no_proxy"):
        assert {"127.0.0.1", "localhost", "example.org"} <= set(told[name].split(","))
