"""Once before a demo starts, from its folder: its database, its tables, its seed. Running it again changes nothing."""

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit


def create_database(url: str) -> None:
    """Creates the PostgreSQL database that the URL names, unless it is there. Another engine makes its own."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("postgres"):
        return
    import psycopg
    from psycopg import sql

    name = parts.path.lstrip("/")
    maintenance = urlunsplit(parts._replace(scheme="postgresql", path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def main() -> int:
    create_database(os.environ.get("DATABASE_URL", ""))
    for words in (["migrate", "--verbosity", "0"], ["seed"]):
        done = subprocess.run([sys.executable, "manage.py", *words])
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
