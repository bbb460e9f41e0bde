"""No two processes of whatever is started, together or alone, listen on one port; and every port exists."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from nexus import native, servers
from nexus.compose import services
from tests.conftest import DEMOS
from tests.test_door import door

PROFILES = ["all", *(demo.name for demo in DEMOS)]
SUPERVISOR = 99


@pytest.fixture(scope="module", params=["8000", "65400"])
def variables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What door.sh tells the tool, with this PORT_BASE."""

    def prepare(copy: Path) -> None:
        python = copy / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text("#!/bin/sh\nenv\n")
        python.chmod(0o755)

    folder = tmp_path_factory.mktemp("ports")
    done: subprocess.CompletedProcess[str] = door(folder, "down", env_lines=[], prepare=prepare, RUNTIME="native", PORT_BASE=request.param)
    assert done.returncode == 0, done.stderr
    return dict(line.partition("=")[::2] for line in done.stdout.splitlines())


def test_no_two_of_all_that_listen_have_one_port(variables: dict[str, str]) -> None:
    base = int(variables["PORT_BASE"])
    published = [port for service in services(variables).values() for port in service.ports.values()]
    behind_nginx = [port + native.BEHIND for service in services(variables).values() if (port := service.port)]
    servers_own = [base + offset for offset in (servers.PORTS | servers.RABBITMQ_EXTRA_PORTS).values()]
    taken = Counter([*published, *behind_nginx, *servers_own, base + servers.WWW_STATUS_PORT, base + SUPERVISOR])

    assert [port for port, count in taken.items() if count > 1] == []
    assert len(behind_nginx) == 11
    assert all(base <= port < min(base + 100, 65536) for port in taken)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_plan_of_each_profile_claims_each_port_once(profile: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.Server, "missing", lambda self: [])  # as if all of them were installed
    for server in servers.SERVERS.values():  # given by `make test`: then the plan starts none
        monkeypatch.delenv(server.url_name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    plan = native.make_plan(native.names_of(profile))

    assert len(plan.ports()) > len(plan.servers) + 1
    assert all(int(variables["PORT_BASE"]) <= port < 65536 for port in plan.ports())


def test_a_port_that_is_claimed_twice_is_named(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.Server, "missing", lambda self: [])
    for server in servers.SERVERS.values():  # given by `make test`: then the plan starts none
        monkeypatch.delenv(server.url_name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    twice = int(variables["PORT_BASE"]) + servers.RABBITMQ_EXTRA_PORTS["distribution"]
    monkeypatch.setenv("FLOWER_PORT", str(twice))

    with pytest.raises(RuntimeError, match=rf"port {twice} is used twice: by queue-flower and by rabbitmq"):
        native.make_plan(native.names_of("queue_demo")).ports()
