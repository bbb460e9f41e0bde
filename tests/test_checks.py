"""The checks of our own that the workflows call: what changed, commit messages, committed keys, images."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nexus import changed, commits, faults, planted, secret_scan
from tests.conftest import DEMOS, ROOT

ALL = sorted(demo.name for demo in DEMOS)


@pytest.mark.parametrize(
    ("paths", "demos", "code"),
    [
        (["rest_demo/shop/models.py"], ["rest_demo"], True),
        (["rest_demo/README.md"], ["rest_demo"], True),
        (["rest_demo/shop/models.py", "queue_demo/lab/results.json"], ["queue_demo", "rest_demo"], True),
        (["portal/door/views.py"], [], True),
        (["docs/ci-cd.md", "README.md", "LICENSE", ".github/ISSUE_TEMPLATE/bug.yml"], [], False),
        (["labkit/http.py"], ALL, True),
        (["constraints.txt"], ALL, True),
        ([".github/workflows/ci.yml"], ALL, True),
        (["rest_demo/shop/models.py", "Dockerfile"], ALL, True),
        ([], [], False),
    ],
)
def test_a_change_runs_what_it_touches(paths: list[str], demos: list[str], code: bool) -> None:
    assert changed.parts(paths) == {"demos": demos, "shared": demos == ALL, "code": code}


@pytest.mark.parametrize(
    "message", ["feat: an outbox", "fix(rest_demo)!: one error shape\n\nBREAKING CHANGE: all others are gone", "ci: smaller"]
)
def test_a_conventional_message_is_fine(message: str) -> None:
    assert commits.problem(message) is None


@pytest.mark.parametrize("message", ["", "wip", "Fixed the bug", "feature: an outbox", "feat:an outbox", "feat: " + "long " * 50])
def test_any_other_message_is_named_with_what_it_lacks(message: str) -> None:
    assert commits.problem(message)


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "aws_access_key_id = AKIA" + "QYLPMN5HFIQR7XYA",
        "GITHUB=ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
        "STRIPE=sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    ],
)
def test_a_key_is_known_by_its_shape(line: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text(line + "\n")
    program, *words = secret_scan.command([str(tmp_path / "file.txt")])
    done = subprocess.run([str(Path(sys.executable).with_name(program)), *words], capture_output=True, text=True)

    assert done.returncode == 1, done.stdout


def test_no_env_file_is_tracked() -> None:
    assert [name for name in secret_scan.tracked() if re.search(r"(^|/)\.env(\.(?!example)|$)|\.(pem|key|p12)$", name)] == []


@pytest.mark.parametrize(
    ("size", "user", "verdict"),
    [
        ("210000000", "10001:10001", "ok nexus/rest_demo: 210 MB"),
        ("990000000", "10001:10001", "FAILED"),
        ("210000000", "", "FAILED"),
        ("210000000", "root", "FAILED"),
    ],
)
def test_an_image_is_refused_that_is_roots_or_too_large(size: str, user: str, verdict: str, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\ncase "$1 $2" in "image ls") echo nexus/rest_demo; echo nexus/workbench ;; *) echo "{size} {user}" ;; esac\n'
    )
    docker.chmod(0o755)
    done = subprocess.run(["sh", "tests/images.sh"], cwd=ROOT, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)

    assert done.stdout.startswith(verdict), done.stdout + done.stderr
    assert (done.returncode == 0) == (verdict != "FAILED")
    assert "workbench" not in done.stdout


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_still_be_planted(fault: faults.Fault) -> None:
    path = ROOT / fault.file

    assert fault.old in path.read_text() if fault.old else fault.new
    assert path.exists() or not fault.old


def test_the_page_shows_the_faults_that_there_are() -> None:
    assert json.loads(planted.RECORD.read_text()) == [planted.entry(fault) for fault in faults.FAULTS]
