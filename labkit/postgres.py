"""A PostgreSQL of an experiment's own, which it can stop: that of the run serves other experiments, too."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from labkit.processes import free_port, wait_until


class PostgresMissing(Exception):
    """The programs of PostgreSQL are not installed: images of demos have only its client library."""


class Postgres:
    """One cluster in a folder. `stop` is a fast shutdown: open connections end, new ones are refused."""

    host, user, database = "127.0.0.1", "lab", "postgres"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        made = self._call("initdb", f"--username={self.user}", "--auth=trust", "--encoding=UTF8", "--no-sync", f"--pgdata={home}")
        if made.wait():
            raise RuntimeError("initdb failed")

    @property
    def url(self) -> str:
        return f"postgres://{self.user}@{self.host}:{self.port}/{self.database}"

    def start(self) -> None:
        settings = [f"listen_addresses={self.host}", f"port={self.port}", "unix_socket_directories=", "shared_buffers=16MB"]
        options = [word for each in settings for word in ("-c", each)]
        self._process = self._call("postgres", "-D", str(self.home), *options)
        wait_until(self._answers, timeout_seconds=60, what="PostgreSQL")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60)
            self._process = None

    def _answers(self) -> bool:
        """It listens before it accepts logins."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _call(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        account = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        return subprocess.Popen(
            [find(program), *arguments],
            cwd=self.home,
            user=account,
            group=pwd.getpwnam(account).pw_gid if account else None,
            extra_groups=[] if account else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@contextlib.contextmanager
def own_postgres() -> Iterator[Postgres]:
    """Started, with one empty database. Stopped and removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix="lab-postgres-", ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = Postgres(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def find(program: str) -> str:
    """Debian hides the servers' programs from PATH; the newest version is the last."""
    hidden = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: len(path.parent.name))
    path = os.pathsep.join([*map(str, reversed(hidden)), os.environ.get("PATH", "")])
    found = shutil.which(program, path=path)
    if found is None:
        raise PostgresMissing(
            "PostgreSQL is not installed here, and this experiment stops one:"
            " run `make lab` on the host (Debian: apt-get install postgresql)"
        )
    return found
