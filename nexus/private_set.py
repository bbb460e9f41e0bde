"""Servers for one test run or one measurement: started together, stopped and removed at the end."""

import contextlib
import fcntl
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from nexus import servers
from nexus.child import uninterrupted
from nexus.demos import shell_environment
from nexus.sweep import MARK, sweep

START_TIMEOUT_SECONDS = 60
OWNER = "owner"
console = Console(highlight=False)


class ServersMissing(Exception):
    """A server program is not installed; the message says how to install it."""


@contextlib.contextmanager
def private_set() -> Iterator[dict[str, str]]:
    """Yields the URLs of the servers (see `servers.urls`). Those that the environment names are used as they are."""
    named = {name: os.environ[name] for name in (each.url_name for each in servers.SERVERS.values()) if os.environ.get(name)}
    if "REDIS_URL" in named:  # one Redis is given: in a container there may be no program for a second
        named.setdefault("PAGES_URL", named["REDIS_URL"])
    wanted = [server for server in servers.SERVERS.values() if server.url_name not in named]
    refuse_missing(wanted)
    with private_folder() as directory:
        site = servers.Site(directory, free_port_base(), secrets.token_hex(8))
        os.environ[MARK] = str(directory)  # what is started from here on, and left behind, is found by it
        running: list[subprocess.Popen[bytes]] = []
        try:
            for server in wanted:
                server.prepare(site)
                running.append(start(server.process(site), directory))
            wait_until_answering(site, wanted, running)
            yield servers.urls(site) | named
        finally:
            with uninterrupted():
                for process in running:  # nothing of theirs is kept; PostgreSQL alone has to give back shared memory
                    if "postgres" in str(process.args):
                        process.send_signal(signal.SIGQUIT)
                        process.wait(timeout=10)
                sweep(str(directory), (directory,), grace_seconds=0.5)
                for process in running:
                    process.wait(timeout=10)
                del os.environ[MARK]


@contextlib.contextmanager
def private_folder(prefix: str = "nexus-") -> Iterator[Path]:
    """A folder for one run. When the block ends, what carries its mark is ended, and it is removed.

    The run holds a lock on the file `owner` in it: without a holder, the run was killed.
    """
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    directory.chmod(0o711)  # the servers' accounts pass through it to their own folders
    try:
        with (directory / OWNER).open("w") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX)
            yield directory
    finally:
        with uninterrupted():
            remove(directory)


def remove(directory: Path) -> None:
    sweep(str(directory), (directory,), grace_seconds=0.5)
    shutil.rmtree(directory, ignore_errors=True)


def remove_dead(place: Path = Path("/tmp")) -> None:  # noqa: S108
    """Ends what runs that were killed left: their processes and their folders."""
    for owner in place.glob(f"nexus-*/{OWNER}"):
        with contextlib.suppress(OSError), owner.open() as file:  # another account's, or a run that lives
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(owner.parent)
            console.print(f"removed the files of a killed run: {owner.parent}")


def refuse_missing(wanted: list[servers.Server]) -> None:
    missing = [server for server in wanted if server.missing()]
    if missing:
        names = " ".join(server.package for server in missing)
        raise ServersMissing(f"missing: {', '.join(server.name for server in missing)}. Install: apt-get install {names}")


def start(process: servers.Process, mark: Path) -> subprocess.Popen[bytes]:
    log = mark / f"{process.name}.log"
    return subprocess.Popen(
        process.argv,
        cwd=process.cwd,
        env={**shell_environment(), **process.env, MARK: str(mark)},
        user=process.user,
        group=pwd.getpwnam(process.user).pw_gid if process.user else None,
        extra_groups=[] if process.user else None,
        stdout=log.open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C goes to us, and we stop them in order
    )


def wait_until_answering(site: servers.Site, wanted: list[servers.Server], running: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    waiting = wanted
    while waiting:
        waiting = [server for server in waiting if not server.answers(site)]
        if not waiting:
            return
        dead = [process for process in running if process.poll() is not None]
        if dead or time.monotonic() > deadline:
            name = waiting[0].name
            tail = (site.directory / f"{name}.log").read_text(errors="replace").strip().splitlines()[-3:]
            raise RuntimeError(f"{name} did not start: {' / '.join(tail)}")
        time.sleep(0.1)


def free_port_base() -> int:
    """A base for which every port of the set is free now."""
    offsets = [*servers.PORTS.values(), *servers.RABBITMQ_EXTRA_PORTS.values()]
    bases = list(range(20000, 30000, 100))
    random.shuffle(bases)  # two runs that begin at once look at different ones
    for base in bases:
        if all(port_is_free(base + offset) for offset in offsets):
            return base
    raise RuntimeError("no free ports between 20000 and 30000")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((servers.HOST, port))
        except OSError:
            return False
    return True
