"""What runs natively, derived from docker-compose.yml: the same commands, with this machine's addresses in their environment."""

import hashlib
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.processes import listening
from nexus import servers, www
from nexus.compose import HTTP_PORT, ROOT, Service, services
from nexus.servers import SERVERS, Process, Server, Site

RUN = ROOT / ".run"
LOGS = RUN / "logs"
# of the shell; the rest could change what a demo does, and a second `make up` from another shell shall change nothing
KEPT = ("HOME", "SSL_CERT_FILE")
# not through the link .venv: a process keeps the packages that it was started with, and new ones are a change
BEHIND = 20  # from the port of nginx to that of the service
PATH = f"{(ROOT / '.venv').resolve()}/bin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Plan:
    """Everything that one `make up` starts."""

    site: Site
    servers: list[Server]  # private ones, to start
    missing: list[Server]  # wanted, but their programs are not here
    setups: list[Process]
    processes: list[Process]
    services: dict[str, Service]  # by name, for those in `processes`
    left_out: dict[str, str]  # service → why it cannot run

    def server(self, name: str) -> Server:
        return next(server for server in self.servers if server.name == name)

    def ports(self) -> dict[int, str]:
        """Every port that will be listened on, and by whom. Raises RuntimeError for one that two would listen on."""
        found = [(port, service.name) for service in self.services.values() for port in service.ports.values()]
        if any(server.name == "www" for server in self.servers):
            found += [(port + BEHIND, f"{service.name}, behind nginx") for service in self.services.values() if (port := service.port)]
        for server in self.servers:
            found.append((self.site.port(server.name), server.name))
            if server.name == "rabbitmq":
                found += [(self.site.port(name), f"rabbitmq ({name})") for name in servers.RABBITMQ_EXTRA_PORTS]
        taken: dict[int, str] = {}
        for port, name in [*found, (supervisor_port(), "supervisor")]:
            if port in taken:
                raise RuntimeError(f"port {port} is used twice: by {taken[port]} and by {name}")
            taken[port] = name
        return taken


def listening_port(service: Service) -> int | None:
    """Where the service itself listens: behind nginx, or on its public port when nginx is missing."""
    return service.port and service.port + (0 if www.is_missing() else BEHIND)


def supervisor_port() -> int:
    return int(os.environ["PORT_BASE"]) + 99


def site() -> Site:
    return Site(data_directory(), int(os.environ["PORT_BASE"]), os.environ["SERVICE_PASSWORD"])


def data_directory() -> Path:
    """`.run/data`; when make is run by root in a folder that the servers' accounts cannot reach, a folder of /var/tmp."""
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in [ROOT, *ROOT.parents]):
        return Path("/var/tmp") / f"nexus-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}"  # noqa: S108
    return RUN / "data"


def names_of(profile: str) -> set[str]:
    """The services of one demo's profile, or of "all"."""
    return {name for name, each in services(os.environ).items() if profile in each.profiles and name != "workbench"}


def demos_of(names: Collection[str]) -> set[str]:
    """The demos that these services belong to."""
    found = services(os.environ)
    return {demo for name in names if (demo := found[name].demo) and demo != "portal"}


def without(demo: str, names: set[str]) -> set[str]:
    """What stays of these services when one demo stops: the other demos' own, and what those need."""
    left = demos_of(names) - {demo}
    needed = set[str]().union(*map(names_of, left))
    found = services(os.environ)
    return {name for name in names if found[name].demo in left or name in needed}


def make_plan(names: Collection[str]) -> Plan:
    """The plan for these services."""
    every = services(os.environ)
    chosen = {name: each for name, each in every.items() if name in names}
    here = site()
    named = {name: os.environ[name] for name in (each.url_name for each in SERVERS.values()) if os.environ.get(name)}
    wanted = [server for server in SERVERS.values() if server.name in chosen and server.url_name not in named]
    missing = [server for server in wanted if server.missing()]
    # those of all services: what a process is told does not depend on what else runs
    absent = {server.name for server in SERVERS.values() if server.url_name not in named and server.missing()}
    addresses = Addresses(every, servers.urls(here) | named, absent)
    setups: list[Process] = []
    processes: list[Process] = []
    left_out: dict[str, str] = {}
    for service in chosen.values():
        if service.demo is None:
            continue
        lacking = [name for name in service.depends_on if name in addresses.missing]
        if lacking and (service.health == "file" or service.command[0] == "celery"):  # without it they would have nothing to do
            left_out[service.name] = f"needs {', '.join(lacking)}"
            continue
        process = addresses.process(service)
        (setups if service.runs_once else processes).append(process)
    running = {process.name: chosen[process.name] for process in processes}
    present = [server for server in wanted if server not in missing]
    upstreams = {name: (port, port + BEHIND) for name, each in running.items() if (port := each.port)}
    if "www" in chosen:
        (missing if www.is_missing() else present).append(www.server(upstreams))
    return Plan(here, present, missing, setups, processes, running, left_out)


@dataclass(frozen=True)
class Addresses:
    """Turns the addresses of Compose's network into this machine's."""

    services: Mapping[str, Service]
    urls: Mapping[str, str]
    missing: set[str]

    def process(self, service: Service) -> Process:
        demo = service.demo or ""
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {
            "PATH": PATH,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",  # glibc keeps memory per thread otherwise
            **listening(listening_port(service) or 0, servers.HOST),
            "ALIVE_FILE": str(RUN / "alive" / service.name),
        }
        without = []
        for name, value in service.environment.items():
            gone = [server for server, prefix in self._prefixes().items() if server in self.missing and prefix in value]
            if gone and name != "SERVERS":
                without += gone
                if name == "DATABASE_URL":
                    environment[name] = f"sqlite:///{RUN / 'sqlite' / demo}.sqlite3"
                continue  # without the address the demo takes its embedded default
            environment[name] = self._here(value)
        if www.is_missing() and "TRUSTED_PROXIES" in environment:
            environment["TRUSTED_PROXIES"] = "0"
        return Process(service.name, service.command, ROOT / demo, environment, without=tuple(without))

    def _prefixes(self) -> dict[str, str]:
        """What stands in docker-compose.yml for each server, and whose it is."""
        login = f"{servers.USER}:{os.environ['SERVICE_PASSWORD']}"
        return {
            "postgres": f"postgres://{login}@postgres:5432",
            "redis": f"redis://:{os.environ['SERVICE_PASSWORD']}@redis:6379",
            "pages": f"redis://:{os.environ['SERVICE_PASSWORD']}@pages:6379",
            "rabbitmq": f"amqp://{login}@rabbitmq:5672/%2F",
            "memcached": "memcached:11211",
        }

    def _here(self, value: str) -> str:
        for server, prefix in self._prefixes().items():
            url = self.urls[SERVERS[server].url_name]
            value = value.replace(prefix, url)
            value = re.sub(rf"\b{server}:\d+\b", _host_and_port(url), value)
        for service in self.services.values():
            for inside, port in service.ports.items():
                here = listening_port(service) if inside == HTTP_PORT else port
                value = re.sub(rf"//{service.name}:{inside}\b", f"//{servers.HOST}:{here}", value)
        return value


def _host_and_port(url: str) -> str:
    return url.rpartition("@")[2].partition("/")[0]
