"""nginx in front of one server, with the rules of deploy/nginx.conf: the edge of production."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labkit.processes import answers, free_port, running, wait_until

FILE = Path(__file__).resolve().parent.parent / "deploy/nginx.conf"
HOST = "127.0.0.1"
ROUTE = re.compile(r"^ +\d+ [a-z-]+:\d+;\n", re.MULTILINE)
LISTEN = re.compile(r"^( +)listen (\d+);\n", re.MULTILINE)


class NginxMissing(Exception):
    """nginx is not installed, or its configuration is not here: images of demos have neither."""


@contextlib.contextmanager
def behind_nginx(upstream_port: int) -> Iterator[int]:
    """Yields the port on which nginx listens for the server at `upstream_port`."""
    program = find_nginx()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lab-nginx-", ignore_cleanup_errors=True) as home:
        file = Path(home, "nginx.conf")
        file.write_text(configuration(Path(home), port, upstream_port))
        argv = [program, "-p", home, "-e", "stderr", "-c", str(file), "-g", "daemon off;"]
        with running(argv):
            wait_until(lambda: answers(HOST, port), timeout_seconds=10, what="nginx")
            yield port


def find_nginx() -> str:
    """The path of nginx. Debian installs it where only root's PATH looks."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None or not FILE.exists():
        raise NginxMissing(
            "nginx is not installed here, and this experiment needs it: run `make lab` on the host (Debian: apt-get install nginx-light)"
        )
    return program


def configuration(home: Path, port: int, upstream_port: int) -> str:
    """deploy/nginx.conf with one port and one upstream; its files are in `home`."""

    def listen(match: "re.Match[str]") -> str:
        places = {"8000": f"{HOST}:{port}", "8090": f"unix:{home}/status.sock"}
        return f"{match[1]}listen {places[match[2]]};\n" if match[2] in places else ""

    text = LISTEN.sub(listen, ROUTE.sub("", FILE.read_text()))
    text = text.replace("map $server_port $upstream {", f"map $server_port $upstream {{ default {HOST}:{upstream_port};")
    user = "user root;\n" if os.geteuid() == 0 else ""  # only root may read the folder
    return user + text.replace("/tmp/nginx", f"{home}/nginx")  # noqa: S108
