"""Once before a demo starts, from its folder: its database, its tables, its seed. Running it again changes nothing."""

import os
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


def main() -> None:
    create_database(os.environ.get("DATABASE_URL", ""))
    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # a migration may take longer than a request
    os.environ |= {"STATEMENT_TIMEOUT_SECONDS": "0", "LOCK_TIMEOUT_SECONDS": "0"}
    for words in (["migrate", "--verbosity", "0"], ["seed"]):  # in one process: starting Django costs more than both
        execute_from_command_line(["manage.py", *words])


if __name__ == "__main__":
    main()
