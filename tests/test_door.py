"""What the door refuses, each time with one line that says what and how to mend it, and with nothing half-started."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus import doctor
from tests.conftest import DEMOS, copy_set_up

pytestmark = pytest.mark.native


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("NO_SUCH=1", "unknown variable NO_SUCH"),
        ("no equals sign", "is not NAME=value"),
        ("LAB=perhaps", "must be 0 or 1"),
        ("PORT_BASE=many", "must be a number"),
        ("PORT_BASE=09600", "must be a number"),
        ("PORT_BASE = 9600", "without spaces"),
        ("P|X=1", "is not a valid variable name"),
        ("RUNTIME=podman", "must be native, docker or empty"),
        ("TOKEN_PUBLIC_KEYS=a+b/c=", "TOKEN_PUBLIC_KEYS may contain"),
        ('DEMO_PASSWORD=it #1 "x"', "DEMO_PASSWORD may contain"),
    ],
)
def test_a_wrong_line_in_env_is_named(tmp_path: Path, line: str, said: str) -> None:
    done = door(tmp_path, "up", env_lines=[line])

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_demo_that_there_is_not_is_named(tmp_path: Path) -> None:
    done = door(tmp_path, "up", DEMO="resting_demo")

    assert done.returncode != 0
    assert all(demo.name in done.stderr for demo in DEMOS)


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    needed = "sh cat cksum grep sed tr od mv ln ls df date env id dirname readlink rm head awk openssl"
    for name in needed.split():
        (programs / name).symlink_to(shutil.which(name) or name)
    (programs / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    (programs / "python3").chmod(0o755)
    done = door(tmp_path, "up", PATH=str(programs), RUNTIME="native")

    assert done.returncode != 0
    assert "Python 3.11 or newer is needed; found Python 3.9.2" in done.stderr


def test_a_full_disk_is_named_before_anything_is_made(tmp_path: Path) -> None:
    done = door(tmp_path, "up", prepare=lambda copy: (copy / ".env.draft").symlink_to("/dev/full"), RUNTIME="native")

    assert done.returncode != 0
    assert "is the disk full or read-only?" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "copy/.env").exists()


def test_a_disk_with_too_little_room_for_the_packages_is_named(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "df").write_text("#!/bin/sh\nprintf 'Filesystem 1024-blocks Used Available\\nnone 1000000 960000 40000\\n'\n")
    (programs / "df").chmod(0o755)
    done = door(tmp_path, "up", PATH=f"{programs}:{os.environ['PATH']}", RUNTIME="native")

    assert done.returncode != 0
    assert "40 MB are free on the disk of" in done.stderr
    assert not (tmp_path / "copy/.venv").exists()


def test_a_disk_that_has_become_full_or_read_only_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "RUN", tmp_path)
    assert doctor.disk() == []

    (tmp_path / "probe").symlink_to("/dev/full")
    [full] = doctor.disk()
    monkeypatch.setattr(doctor, "RUN", Path("/proc/sys/nexus"))  # nobody, root neither, may make a folder there
    [read_only] = doctor.disk()

    assert "No space left on device" in full
    assert read_only.startswith("cannot write in /proc/sys/nexus")


def door(
    folder: Path,
    action: str,
    env_lines: list[str] | None = None,
    prepare: Callable[[Path], None] = lambda copy: None,
    **variables: str,
) -> "subprocess.CompletedProcess[str]":
    """The door in a folder that has everything but packages: what it refuses, it refuses before it needs them."""
    copy = folder / "copy"
    copy_set_up(copy)
    prepare(copy)
    if env_lines is not None:
        secrets = [
            "SECRET_KEY=s",
            "SERVICE_PASSWORD=s",
            "DEMO_PASSWORD=s",
            "WEBHOOK_SECRET=s",
            "TOKEN_SIGNING_KEY=s",
            "TOKEN_PUBLIC_KEYS=s",
        ]
        (copy / ".env").write_text("\n".join([*env_lines, *secrets]) + "\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | variables
    return subprocess.run(["/bin/sh", "nexus/door.sh", action], cwd=copy, env=environment, capture_output=True, text=True, timeout=60)
