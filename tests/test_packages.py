"""Each command installs what it needs, as root; otherwise it prints the one command that does."""

import os
from pathlib import Path

import pytest

from nexus import packages, servers

# installs a package by making a program of its name
APT_GET = """#!/bin/sh
echo "$@" >>"$0.log"
for word in "$@"; do
    case $word in -* | update | install) continue ;; esac
    printf '#!/bin/sh\\n' >"${0%/*}/${word}" && /bin/chmod 755 "${0%/*}/${word}"
done
"""
ACTIONS = sorted(packages.START_SERVERS)
SERVERS = list(dict.fromkeys(server.package for server in servers.SERVERS.values()))  # two servers may come from one package


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt-get and nothing else; returns the folder of its programs."""
    apt_get = tmp_path / "apt-get"
    apt_get.write_text(APT_GET)
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for server in servers.SERVERS.values():
        monkeypatch.delenv(server.url_name, raising=False)
    monkeypatch.delenv("ONLY", raising=False)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy")
    monkeypatch.setattr(packages, "find_program", lambda name: (tmp_path / packages.TOOLS.get(name, name)).exists())
    monkeypatch.setattr(servers.Server, "missing", lambda self: [] if (tmp_path / self.package).exists() else ["it"])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


@pytest.mark.parametrize("action", ACTIONS)
def test_what_an_action_needs_is_installed_before_it_begins(action: str, machine: Path) -> None:
    needed = packages.missing(action)

    assert set(SERVERS) <= set(needed)
    assert ({"curl", "jq"} <= set(needed)) == (action in ("test", "nightly", "docs", "planted"))
    assert ("nginx-light" in needed) == (action not in ("chaos", "contract"))
    assert packages.set_up(action) is True
    assert packages.missing(action) == []
    assert f"install --yes --no-install-recommends {' '.join(needed)}" in (machine / "apt-get.log").read_text()
    assert not (machine / "policy").exists()


@pytest.mark.parametrize("action", ["down", "status", "logs", "doctor", "lint", "shape"])
def test_an_action_without_servers_installs_nothing(action: str, machine: Path) -> None:
    assert packages.set_up(action) is True
    assert not (machine / "apt-get.log").exists()


def test_another_user_than_root_is_told_the_one_command(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert packages.set_up("lab") is False
    assert f"Run as root: apt-get install --no-install-recommends {' '.join(SERVERS)}" in capsys.readouterr().out
    assert not (machine / "apt-get.log").exists()


def test_servers_that_are_given_need_not_be_installed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for server in servers.SERVERS.values():
        monkeypatch.setenv(server.url_name, "given")

    assert packages.missing("test") == []


def test_a_package_that_brings_no_program_is_not_taken_for_installed(machine: Path) -> None:
    (machine / "apt-get").write_text("#!/bin/sh\n")

    assert packages.set_up("lab") is False
