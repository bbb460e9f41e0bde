"""Django's PostgreSQL backend with a deadline on the client's side."""

from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.errors import IdleInTransactionSessionTimeout, _WaitTimeout

from . import DEADLINE


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up a server that does not answer within `deadline_seconds`."""

    deadline_seconds: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, timeout or self.deadline_seconds)
        except _WaitTimeout:
            if timeout is not None:  # the caller's own, as in notifies()
                raise
            self.pgconn.finish()  # an answer that comes now would be taken for the next one's
            message = f"PostgreSQL did not answer within {self.deadline_seconds:g} s"
            raise psycopg.OperationalError(message) from None
        except IdleInTransactionSessionTimeout as error:  # to psycopg an InternalError
            raise psycopg.OperationalError(str(error)) from error


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        deadline = parameters.pop(DEADLINE, None)

        class Connection(BoundedConnection):
            deadline_seconds = deadline

        names = {**vars(psycopg), "connect": Connection.connect}
        self.Database = SimpleNamespace(**names)  # type: ignore[assignment]
        return parameters
