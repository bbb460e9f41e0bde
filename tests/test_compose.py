"""docker-compose.yml is the one source of what runs, and it is hardened."""

import os
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from nexus import native
from nexus.compose import FILE, NGINX, ROUTE, services
from nexus.packages import TOOLS
from nexus.servers import SERVERS
from tests.conftest import DEMOS, ROOT

DOCUMENT = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
IMAGES = {"postgres:17-alpine", "redis:8-alpine", "rabbitmq:4-management-alpine", "memcached:1.6-alpine", "nginx:1.29"}


SECRETS = ("SECRET_KEY", "SERVICE_PASSWORD", "DEMO_PASSWORD", "WEBHOOK_SECRET", "TOKEN_SIGNING_KEY", "TOKEN_PUBLIC_KEYS")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_URL", "REDIS_URL", "PAGES_URL", "RABBITMQ_URL", "MEMCACHED_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in SECRETS:
        monkeypatch.setenv(name, "word")
    monkeypatch.setenv("PORT_BASE", "8000")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is (name != "workbench")  # its tests write; its container lives for one run
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] not in ("root", "0")
    assert "stop_grace_period" in service
    assert service["profiles"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_on_this_machine_only(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_only_nginx_publishes_ports_and_has_a_route_for_each() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    inside = {int(port.rpartition(":")[2]) for port in published["www"]}
    routes = {int(match[2]) for match in ROUTE.finditer(NGINX.read_text())}
    listening = {int(port) for port in re.findall(r"listen (\d+);", NGINX.read_text())}

    assert set(published) == {"www"}
    assert inside == routes == listening - {8090}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_has_a_health_check_and_waits_for_health(name: str) -> None:
    service = SERVICES[name]
    waits = {each["condition"] for each in service.get("depends_on", {}).values()}

    assert ("healthcheck" in service) == (service["restart"] != "no")
    assert waits <= {"service_healthy", "service_completed_successfully"}


def test_images_are_official_or_ours() -> None:
    assert {service["image"] for service in SERVICES.values() if not service["image"].startswith("nexus/")} == IMAGES


def test_each_demo_has_a_profile_and_a_one_shot_setup() -> None:
    for demo in DEMOS:
        named = {name for name, service in SERVICES.items() if demo.name in service["profiles"]}
        assert {"postgres", "portal"} < named
        assert [name for name in named if SERVICES[name].get("command", [""])[-1] == "nexus.setup"], demo.name


def test_the_workbench_has_the_programs_of_the_native_set_up() -> None:
    """Its container starts every server itself, and the tests run make, git, Node and curl."""
    stage = (ROOT / "Dockerfile").read_text().partition(" AS workbench\n")[2].partition("\nFROM ")[0]
    wanted = {*(server.package for server in SERVERS.values()), *TOOLS.values(), "make", "git", "nodejs", "npm"}

    assert wanted - set(stage.split()) == set()
    assert "depends_on" not in SERVICES["workbench"]
    assert [name for name in SERVICES["workbench"]["environment"] if name.endswith("_URL")] == []


def test_no_secret_has_a_default() -> None:
    secrets = re.findall(rf"\$\{{((?:{'|'.join(SECRETS)})[^}}]*)\}}", FILE.read_text())

    assert secrets
    assert [each for each in secrets if "-" in each] == []


def test_every_variable_of_the_file_is_explained(variables: None) -> None:
    names = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    explained = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    computed = {"DEMO", "ONLY", "SLOW", "CI", "SEED", "DURATION", *re.findall(r"(\w+_PORT)=", (ROOT / "nexus/door.sh").read_text())}

    assert names - explained - computed == set()


def test_native_processes_run_the_very_commands_of_compose(variables: None) -> None:
    plan = native.make_plan(native.names_of("all"))
    here = {process.name: process.argv for process in plan.setups + plan.processes}
    ours = {name: service for name, service in SERVICES.items() if service["image"].startswith("nexus/") and "all" in service["profiles"]}
    there = {name: service["command"] for name, service in ours.items()}

    assert here == there


def test_native_addresses_are_this_machines(variables: None) -> None:
    plan = native.make_plan(native.names_of("all"))
    values = [value for process in plan.setups + plan.processes for value in process.env.values() if "//" in value or ":" in value]
    strangers = {name for name in SERVICES for value in values if re.search(rf"(//|@|=){name}:\d", value)}

    assert strangers == set()
    shown = {name for name, entry in SERVICES.items() if entry.get("labels", {}).get("nexus.try")}
    assert shown <= {match[3] for match in ROUTE.finditer(NGINX.read_text())}


def test_a_missing_server_leaves_its_demos_on_their_defaults(variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.servers.find_program", lambda name: None if name in ("rabbitmq-server", "postgres") else f"/bin/{name}")
    plan = native.make_plan(native.names_of("all"))
    environments = {process.name: process.env for process in plan.processes}

    assert {server.name for server in plan.missing} == {"postgres", "rabbitmq"}
    assert environments["rest"]["DATABASE_URL"].startswith("sqlite:///")
    assert "RABBITMQ_URL" not in environments["queue"]
    assert "REDIS_URL" in environments["caching"]
    assert set(plan.left_out) == {"rest-relay", "graphql-relay", "queue-carry", "queue-worker"}


def test_flower_comes_with_its_demo_alone_and_not_without_a_broker(variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = [native.make_plan(native.names_of(profile)) for profile in ("queue_demo", "all")]
    alone, together = ({process.name for process in plan.processes} for plan in plans)
    monkeypatch.setattr("nexus.servers.find_program", lambda name: None if name == "rabbitmq-server" else f"/bin/{name}")

    assert ("queue-flower" in alone, "queue-flower" in together) == (True, False)
    assert "queue-flower" in native.make_plan(native.names_of("queue_demo")).left_out


def test_a_server_that_the_environment_names_is_used_and_none_started(variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_URL", "postgres://me:mine@db.example:5433")
    plan = native.make_plan(native.names_of("all"))
    [rest] = [process for process in plan.processes if process.name == "rest"]

    assert "postgres" not in {server.name for server in plan.servers}
    assert rest.env["DATABASE_URL"] == "postgres://me:mine@db.example:5433/rest_demo"


def test_a_variable_without_value_is_named(variables: None) -> None:
    with pytest.raises(KeyError, match="SECRET_KEY"):
        services({name: value for name, value in os.environ.items() if name != "SECRET_KEY"})


@pytest.mark.parametrize(("name", "policy"), [("redis", "noeviction"), ("pages", "allkeys-lfu")])
def test_counters_are_never_evicted_and_pages_are_in_both_runtimes(variables: None, name: str, policy: str) -> None:
    options = f"--maxmemory 64mb --maxmemory-policy {policy}"
    native_command = " ".join(SERVERS[name].process(native.site()).argv)

    assert options in SERVICES[name]["command"][-1]
    assert options in native_command


def test_the_catalogue_counts_and_locks_beside_its_pages(variables: None) -> None:
    [catalogue] = [each for each in native.make_plan(native.names_of("all")).processes if each.name == "caching"]
    pages, counters = (urlsplit(catalogue.env[name]).port for name in ("REDIS_URL", "COUNTERS_URL"))

    assert (pages, counters) == (native.site().port("pages"), native.site().port("redis"))
