"""A database of its own for each run of a lab: made empty, migrated, dropped. The demo's data is never touched."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


class NoPostgres(Exception):
    """The experiments race real transactions; SQLite would serialise them and prove nothing."""


@contextlib.contextmanager
def lab_database(demo: str) -> Iterator[str]:
    """Points DATABASE_URL at a fresh database `lab_<demo>_<random>` while the block runs, and yields the new URL."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        raise NoPostgres(
            "the experiments need PostgreSQL: `make lab` starts one, or set DATABASE_URL=postgres://user:password@host:port/name"
        )
    name = f"lab_{demo}_{secrets.token_hex(4)}"  # two runs may share a server
    maintenance = urlunsplit(url._replace(scheme="postgresql", path="/postgres"))
    try:
        drop_abandoned(maintenance, f"lab_{demo}_")
        _execute(maintenance, "CREATE DATABASE {}", name)
    except psycopg.OperationalError as error:
        raise NoPostgres(f"no PostgreSQL at {url.hostname}:{url.port}: {str(error).strip().splitlines()[-1]}") from error
    before = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = urlunsplit(url._replace(path=f"/{name}"))
    try:
        with psycopg.connect(urlunsplit(url._replace(scheme="postgresql", path=f"/{name}"))):
            yield os.environ["DATABASE_URL"]
    finally:
        os.environ["DATABASE_URL"] = before
        _execute(maintenance, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def drop_abandoned(maintenance: str, prefix: str) -> None:
    """What a killed run left: databases with this prefix to which nobody is connected. A run holds a connection to its own."""
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=5) as connection:
        unused = """SELECT datname FROM pg_database WHERE starts_with(datname, %s)
                    AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datname = pg_database.datname)"""
        for (name,) in connection.execute(unused, [prefix]).fetchall():
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _execute(url: str, statement: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
