from collections.abc import Iterable

from django.db import connections, models, transaction
from django.utils import timezone


class InboxQuerySet(models.QuerySet["Inbox"]):
    def new(self, *, consumer: str, message_ids: Iterable[str]) -> set[str]:
        """Remembers the ids, and returns those that were new. Raises TransactionManagementError outside a transaction.

        Who asks for an id that another transaction has just remembered waits until that one commits or rolls back.
        """
        if not (connection := connections[self.db]).in_atomic_block:
            raise transaction.TransactionManagementError("an id is remembered in the transaction of its effect; there is none")
        # sorted: two consumers that lock the same ids in another order would wait for each other for ever
        rows = [(consumer, message_id, timezone.now()) for message_id in sorted(set(message_ids))]
        if not rows:
            return set()
        # not get_or_create: that is a SELECT, a savepoint and an INSERT for each message
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (consumer, message_id, received_at) VALUES "  # noqa: S608 — no values
                + ", ".join(["(%s, %s, %s)"] * len(rows))
                + " ON CONFLICT (consumer, message_id) DO NOTHING RETURNING message_id",
                [value for row in rows for value in row],
            )
            return {message_id for (message_id,) in cursor.fetchall()}


class Inbox(models.Model):
    consumer = models.CharField(max_length=100)  # one message may have several readers, each with its own effect
    message_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(db_index=True)  # by which old ones are deleted

    objects = InboxQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consumer", "message_id"], name="one_row_per_message")]

    def __str__(self) -> str:
        return f"{self.consumer} {self.message_id}"
