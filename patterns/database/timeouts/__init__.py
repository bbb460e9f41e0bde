"""PostgreSQL timeouts: no request waits forever for a database that hangs.

Problem
    psycopg waits forever by default: for a connection, for a locked row, for a frozen
    server. A few waiting requests stop the service, `/live` included.

Guarantee
    - Connecting, each statement, each lock and an idle transaction have a limit.
    - The client gives up a frozen server `GRACE_SECONDS` after the limit. The next
      request connects again.
    - Each raises django.db.OperationalError.

Not guaranteed
    A statement that was given up may still have had its effect. COPY and LISTEN outside
    a cursor are not limited by the client.

Cost
    Nothing per query.

Use instead
    `statement_timeout` of the role, if all its clients agree. pgbouncer's
    query_timeout, if you run one. (Checked 2026-11.)

Source: PostgreSQL, "Client Connection Defaults"; psycopg, Connection.wait().

Use
    # settings.py
    from patterns.database.timeouts import with_timeouts

    DATABASES["default"] = with_timeouts(DATABASES["default"], statement_seconds=10)
"""

from typing import Any

GRACE_SECONDS = 2  # for the server to say itself that a limit was reached
DEADLINE = "deadline_seconds"  # an option of the backend in base.py

__all__ = ["DEADLINE", "GRACE_SECONDS", "with_timeouts"]


def with_timeouts(
    database: dict[str, Any],
    *,
    connect_seconds: int = 3,
    statement_seconds: float = 10,
    lock_seconds: float = 5,
    idle_in_transaction_seconds: float = 30,
) -> dict[str, Any]:
    """An entry of DATABASES with limits. Another engine than PostgreSQL is left as it is.

    0 lifts `statement_seconds`, `lock_seconds` or `idle_in_transaction_seconds`.
    """
    if not database["ENGINE"].endswith(("postgresql", "timeouts")):
        return database
    limits = {
        "statement_timeout": statement_seconds,
        "lock_timeout": lock_seconds,
        "idle_in_transaction_session_timeout": idle_in_transaction_seconds,
    }
    given = database.get("OPTIONS", {})
    server = " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in limits.items())
    options = given | {
        "connect_timeout": connect_seconds,
        "options": f"{server} {given.get('options', '')}".strip(),
        # a machine that vanished: unacknowledged data is given up as late as a statement
        "tcp_user_timeout": round((statement_seconds or 60) * 1000),
    }
    if statement_seconds:
        options[DEADLINE] = statement_seconds + GRACE_SECONDS
    return database | {"ENGINE": __name__, "OPTIONS": options}
