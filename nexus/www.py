"""nginx in front of the services, natively: deploy/nginx.conf with this machine's addresses."""

import hashlib
import os
import re
import socket
from collections.abc import Mapping

from nexus import servers
from nexus.compose import NGINX, ROUTE
from nexus.servers import HOST, Process, Server, Site

STATUS_PORT = 8090
LISTEN = re.compile(r"^ +listen (\d+);\n", re.MULTILINE)
PROGRAM, PACKAGE = "nginx", "nginx-light"


def routes() -> dict[str, int]:
    """Service → the port on which nginx listens for it, inside its container."""
    return {match[3]: int(match[2]) for match in ROUTE.finditer(NGINX.read_text())}


def is_missing() -> bool:
    return servers.find_program(PROGRAM) is None


def configuration(site: Site, upstreams: Mapping[str, tuple[int, int]]) -> str:
    """The file for services → (port where nginx listens, port where the service listens)."""
    listen = {port: upstreams[name][0] for name, port in routes().items() if name in upstreams}
    listen[STATUS_PORT] = site.port("www")

    def route(match: "re.Match[str]") -> str:
        if match[3] not in upstreams:
            return ""
        public, internal = upstreams[match[3]]
        return f"{match[1]}{public} {HOST}:{internal};\n"

    def listening(match: "re.Match[str]") -> str:
        public = listen.get(int(match[1]))
        return match[0].replace(match[1], f"{HOST}:{public}") if public else ""

    text = LISTEN.sub(listening, ROUTE.sub(route, NGINX.read_text()))
    user = "user nobody nogroup;\n" if os.geteuid() == 0 else ""
    return user + text.replace("/tmp/nginx", f"{site.home('www')}/nginx")  # noqa: S108


def server(upstreams: Mapping[str, tuple[int, int]]) -> Server:
    """nginx as one of the servers of a plan. Other upstreams give it another command line."""

    def name(site: Site) -> str:
        return f"{hashlib.sha256(configuration(site, upstreams).encode()).hexdigest()[:12]}.conf"

    def prepare(site: Site) -> None:
        servers.own(site.home("www"), "www")
        servers.write(site.home("www") / name(site), configuration(site, upstreams), "www")

    def process(site: Site) -> Process:
        file = str(site.home("www") / name(site))
        argv = [servers.find_program(PROGRAM) or PROGRAM, "-p", str(site.home("www"))]
        argv += ["-e", "stderr", "-c", file, "-g", "daemon off;"]
        # SIGQUIT lets requests in flight finish; SIGTERM would cut them
        return Process("www", argv, site.home("www"), stop_signal="QUIT")

    def answers(site: Site) -> bool:
        try:
            with socket.create_connection((HOST, site.port("www")), timeout=2) as connection:
                connection.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(64)
        except OSError:
            return False

    return Server("www", PACKAGE, (PROGRAM,), prepare, process, answers)
