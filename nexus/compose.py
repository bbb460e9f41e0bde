"""Reads docker-compose.yml, the one source of what runs, for those who run it without Docker."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
NGINX = ROOT / "deploy/nginx.conf"
ROUTE = re.compile(r"^( +)(\d+) ([a-z-]+):(\d+);\n", re.MULTILINE)
HTTP_PORT = 8000  # of every service that answers HTTP, inside its container
VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service of the file, its variables filled in."""

    name: str
    demo: str | None  # the folder whose image it runs; None for a server's image
    command: list[str]
    environment: dict[str, str]
    profiles: frozenset[str]
    # inside the container → where others reach it on the host, through nginx when it answers HTTP
    ports: dict[int, int]
    depends_on: dict[str, str]  # service → condition
    health: str | None  # "http", "file", or None
    try_first: str
    runs_once: bool

    @property
    def port(self) -> int | None:
        """Where it answers HTTP, on the host."""
        return self.ports.get(HTTP_PORT)


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Every service by name. Raises KeyError for a `${NAME:?…}` that has no value."""
    document = yaml.safe_load(FILE.read_text())
    definitions = {name: _fill(each, variables) for name, each in document["services"].items()}
    published = _pairs(definitions["www"]["ports"])
    routes = {match[3]: int(match[2]) for match in ROUTE.finditer(NGINX.read_text())}
    found = {}
    for name, definition in definitions.items():
        ports = {int(inside): int(inside) for inside in definition.get("expose", [])}
        if name in routes and name != "rabbitmq":
            ports[HTTP_PORT] = published[routes[name]]
        found[name] = _service(name, definition, ports)
    return found


def _pairs(ports: list[str]) -> dict[int, int]:
    """Published ports: inside the container → on the host."""
    return {int(inside): int(host) for _, host, inside in (words.split(":") for words in ports)}


def _service(name: str, definition: dict[str, Any], ports: dict[int, int]) -> Service:
    image = definition["image"]
    demo = image.removeprefix("nexus/").removesuffix(":local") if image.startswith("nexus/") else None
    test = definition.get("healthcheck", {}).get("test", [])
    return Service(
        name=name,
        demo=demo,
        command=definition.get("command", []),
        environment={key: str(value) for key, value in definition.get("environment", {}).items()},
        profiles=frozenset(definition["profiles"]),
        ports=ports,
        depends_on={key: value["condition"] for key, value in definition.get("depends_on", {}).items()},
        health=test[-1] if "nexus.healthy" in test else None,
        try_first=definition.get("labels", {}).get("nexus.try", ""),
        runs_once=definition.get("restart") == "no",
    )


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, variables) for each in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _variable(match, variables), value)
    return value


def _variable(match: "re.Match[str]", variables: Mapping[str, str]) -> str:
    name, operator, word = match.groups()
    if value := variables.get(name):
        return value
    if operator == "-":
        return word
    raise KeyError(f"{name} has no value: {word or 'docker-compose.yml needs it'}")
