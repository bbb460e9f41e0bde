"""The servers, private: on their own ports, in their own folder, on 127.0.0.1 only.

Nothing here talks to a server that somebody else started. Each server knows its programs, the Debian
package that brings them, its command, and how to tell that it answers.
"""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pika
import psycopg
import redis

HOST = "127.0.0.1"
# Offsets from PORT_BASE; with the default of 8000 none is a standard port of any of them.
PORTS = {"postgres": 32, "redis": 79, "pages": 80, "rabbitmq": 72, "memcached": 11}
WWW_STATUS_PORT = 90
RABBITMQ_EXTRA_PORTS = {"management": 73, "distribution": 74, "epmd": 75}
USER = "nexus"


@dataclass(frozen=True)
class Site:
    """One private set of servers: its folder, its ports, its password."""

    directory: Path
    port_base: int
    password: str

    def port(self, server: str) -> int:
        return self.port_base + (PORTS | RABBITMQ_EXTRA_PORTS | {"www": WWW_STATUS_PORT})[server]

    def home(self, server: str) -> Path:
        return self.directory / server


@dataclass(frozen=True)
class Process:
    """What a supervisor, or a test run, needs to start one program."""

    name: str
    argv: list[str]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: str = "TERM"
    without: tuple[str, ...] = ()  # servers it would use, and that are not here


@dataclass(frozen=True)
class Server:
    name: str
    package: str
    programs: tuple[str, ...]
    prepare: Callable[[Site], None]
    process: Callable[[Site], Process]
    answers: Callable[[Site], bool]

    @property
    def url_name(self) -> str:
        """The variable that says where it is, when it is somebody else's."""
        return f"{self.name.upper()}_URL"

    def missing(self) -> list[str]:
        return [program for program in self.programs if find_program(program) is None]


def find_program(name: str) -> str | None:
    """The path of a server program, also where distributions hide it from PATH (newest first)."""
    hidden = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True), Path("/usr/lib/rabbitmq/bin")]
    path = os.pathsep.join([*map(str, hidden), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return shutil.which(name, path=path)


def _version(path: Path) -> int:
    return int(path.parent.name) if path.parent.name.isdigit() else 0


def service_user(server: str) -> str | None:
    """The account that a server runs under: ours, or an unprivileged one when make is run by root.

    PostgreSQL and memcached refuse to run as root, and the others have no need to.
    """
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if server == "postgres" and "postgres" in names else "nobody"


def own(path: Path, server: str, mode: int = 0o700) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    if user := service_user(server):
        account = pwd.getpwnam(user)
        os.chown(path, account.pw_uid, account.pw_gid)


def write(path: Path, text: str, server: str) -> None:
    """A file that only the server's account can read."""
    path.touch(mode=0o600)
    path.write_text(text)
    if user := service_user(server):
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)


# --- PostgreSQL -----------------------------------------------------------------------------------


def _prepare_postgres(site: Site) -> None:
    home = site.home("postgres")
    if (home / "PG_VERSION").exists():
        return
    draft = site.directory / "postgres.new"  # renamed when it is whole: an initdb that was killed leaves half a cluster
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    own(draft, "postgres")
    password_file = site.directory / "postgres.pw"
    write(password_file, site.password, "postgres")
    argv = [
        find_program("initdb") or "initdb", "--pgdata", str(draft), "--username", USER,
        "--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
    ]  # fmt: skip
    try:
        done = subprocess.run(argv, user=service_user("postgres"), cwd=draft, capture_output=True, text=True)
    finally:
        password_file.unlink()
    if done.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise RuntimeError(f"initdb failed: {done.stderr.strip().splitlines()[-1]}")
    draft.rename(home)


def _postgres(site: Site) -> Process:
    settings = {
        "listen_addresses": HOST,
        "port": str(site.port("postgres")),
        "unix_socket_directories": "",  # a socket's path may be 107 bytes long, a checkout's is often longer
        "max_connections": "500",  # an experiment brings up to 200 buyers, each with a connection; two demos' labs may run at once
        "shared_buffers": "64MB",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    argv = [find_program("postgres") or "postgres", "-D", str(site.home("postgres")), *options]
    # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
    return Process("postgres", argv, site.home("postgres"), user=service_user("postgres"), stop_signal="INT")


def _postgres_answers(site: Site) -> bool:
    try:
        psycopg.connect(
            host=HOST, port=site.port("postgres"), user=USER, password=site.password, dbname="postgres", connect_timeout=2
        ).close()
    except psycopg.Error:
        return False
    return True


# --- Redis, twice ---------------------------------------------------------------------------------

# Counters, limits and locks must not be evicted; pages may be, and a full server that refuses writes keeps old ones.
EVICTION = {"redis": "noeviction", "pages": "allkeys-lfu"}


def _redis_server(name: str) -> Server:
    def prepare(site: Site) -> None:
        own(site.home(name), name)
        write(site.home(name) / "redis.conf", f"requirepass {site.password}\n", name)

    def process(site: Site) -> Process:
        # the password stands in a file: a command line is there for all to read
        argv = [find_program("redis-server") or "redis-server", str(site.home(name) / "redis.conf")]
        argv += ["--bind", HOST, "--port", str(site.port(name)), "--dir", str(site.home(name)), "--save", "", "--appendonly", "no"]
        argv += ["--maxmemory", "64mb", "--maxmemory-policy", EVICTION[name]]
        return Process(name, argv, site.home(name), user=service_user(name))

    def answers(site: Site) -> bool:
        try:
            with redis.Redis(host=HOST, port=site.port(name), password=site.password, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return Server(name, "redis-server", ("redis-server",), prepare, process, answers)


# --- RabbitMQ -------------------------------------------------------------------------------------


def _prepare_rabbitmq(site: Site) -> None:
    home = site.home("rabbitmq")
    own(home, "rabbitmq")
    write(
        home / "rabbitmq.conf",
        f"listeners.tcp.1 = {HOST}:{site.port('rabbitmq')}\n"
        f"management.tcp.ip = {HOST}\n"
        f"management.tcp.port = {site.port('management')}\n"
        f"default_user = {USER}\n"
        f"default_pass = {site.password}\n"
        "log.console = true\n"
        "log.file = false\n",
        "rabbitmq",
    )
    write(home / "enabled_plugins", "[rabbitmq_management].\n", "rabbitmq")
    if not (home / ".erlang.cookie").exists():
        write(home / ".erlang.cookie", os.urandom(16).hex(), "rabbitmq")


def _rabbitmq(site: Site) -> Process:
    home = site.home("rabbitmq")
    env = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"nexus-{site.port('rabbitmq')}@localhost",
        "RABBITMQ_DIST_PORT": str(site.port("distribution")),
        "ERL_EPMD_PORT": str(site.port("epmd")),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        # two schedulers that do not spin: the broker is a guest on a desk's machine
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
    }
    argv = [find_program("rabbitmq-server") or "rabbitmq-server"]
    return Process("rabbitmq", argv, home, env, user=service_user("rabbitmq"))


def _rabbitmq_answers(site: Site) -> bool:
    credentials = pika.PlainCredentials(USER, site.password)
    parameters = pika.ConnectionParameters(HOST, site.port("rabbitmq"), "/", credentials, socket_timeout=2)
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


# --- Memcached ------------------------------------------------------------------------------------


def _memcached(site: Site) -> Process:
    argv = [find_program("memcached") or "memcached", "-l", HOST, "-p", str(site.port("memcached")), "-U", "0", "-m", "64"]
    return Process("memcached", argv, site.home("memcached"), user=service_user("memcached"))


def _memcached_answers(site: Site) -> bool:
    try:
        with socket.create_connection((HOST, site.port("memcached")), timeout=2) as connection:
            connection.sendall(b"version\r\n")
            return connection.recv(64).startswith(b"VERSION")
    except OSError:
        return False


SERVERS = {
    server.name: server
    for server in (
        Server("postgres", "postgresql", ("initdb", "postgres"), _prepare_postgres, _postgres, _postgres_answers),
        _redis_server("redis"),
        _redis_server("pages"),
        Server("rabbitmq", "rabbitmq-server", ("rabbitmq-server",), _prepare_rabbitmq, _rabbitmq, _rabbitmq_answers),
        Server(
            "memcached", "memcached", ("memcached",), lambda site: own(site.home("memcached"), "memcached"),
            _memcached, _memcached_answers,
        ),
    )
}  # fmt: skip


def urls(site: Site) -> dict[str, str]:
    """Where the servers are, under the names that the demos read."""
    login = f"{USER}:{site.password}@{HOST}"
    return {
        "POSTGRES_URL": f"postgres://{login}:{site.port('postgres')}",
        "REDIS_URL": f"redis://:{site.password}@{HOST}:{site.port('redis')}",
        "PAGES_URL": f"redis://:{site.password}@{HOST}:{site.port('pages')}",
        "RABBITMQ_URL": f"amqp://{login}:{site.port('rabbitmq')}/%2F",
        "MEMCACHED_URL": f"{HOST}:{site.port('memcached')}",
    }
