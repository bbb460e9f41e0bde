from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import connections, models, router, transaction
from django.utils import timezone


class InboxQuerySet(models.QuerySet["Inbox"]):
    @property
    def _write_alias(self) -> str:
        return self._db or router.db_for_write(self.model)  # type: ignore[attr-defined]

    def new(self, *, consumer: str, message_ids: Iterable[str]) -> set[str]:
        """Stores the ids and returns those that were new.

        Raises TransactionManagementError outside a transaction of this database. Waits while
        another transaction that has stored one of the ids may still roll back.
        """
        using = self._write_alias
        connection = connections[using]
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError(
                f"call new() in the transaction of the effect: atomic(using={using!r})"
            )
        # sorted: consumers that lock the same ids in different orders would deadlock
        rows = [(consumer, each, timezone.now()) for each in sorted(set(message_ids))]
        if not rows:
            return set()
        # not get_or_create: that is a SELECT, a savepoint and an INSERT per message
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (consumer, message_id, received_at) VALUES "  # noqa: S608
                + ", ".join(["(%s, %s, %s)"] * len(rows))
                + " ON CONFLICT (consumer, message_id) DO NOTHING RETURNING message_id",
                [value for row in rows for value in row],
            )
            return {message_id for (message_id,) in cursor.fetchall()}

    def prune(self, older_than: timedelta | datetime, *, batch_size: int = 1_000) -> int:
        """Forgets ids received before; returns how many. They are new again from then on."""
        return sum(self.prune_in_batches(older_than, batch_size=batch_size))

    def prune_in_batches(
        self, older_than: timedelta | datetime, *, batch_size: int = 1_000
    ) -> Iterator[int]:
        """Prunes as it is iterated: a transaction per batch; yields how many it deleted."""
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        rows = self.using(self._write_alias)
        old = rows.filter(received_at__lt=before).order_by("received_at")
        while keys := list(old.values_list("pk", flat=True)[:batch_size]):
            yield rows.filter(pk__in=keys).delete()[0]


class Inbox(models.Model):
    consumer = models.CharField(max_length=100)  # each reader of a message has its own effect
    message_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(db_index=True)

    objects = InboxQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer", "message_id"], name="%(app_label)s_one_row_per_message"
            )
        ]

    def __str__(self) -> str:
        return f"{self.consumer} {self.message_id}"
