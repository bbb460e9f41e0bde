from datetime import UTC, datetime, timedelta

from django.db import connections, models, transaction

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PeriodQuerySet(models.QuerySet["Period"]):
    def claim(self, *, name: str, now: datetime, length: timedelta) -> bool:
        """True for the one transaction that may do the work `name` of the period that `now` lies in.

        Raises TransactionManagementError outside a transaction.
        """
        if not (connection := connections[self.db]).in_atomic_block:
            raise transaction.TransactionManagementError("a period is claimed in the transaction of its work; there is none")
        begins_at = EPOCH + (now - EPOCH) // length * length
        # not get_or_create: whether a row is there or not must be one question, and its loser must not need a savepoint
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (name, begins_at, claimed_at) VALUES (%s, %s, %s) "  # noqa: S608
                "ON CONFLICT (name, begins_at) DO NOTHING",
                [name, begins_at, now],
            )
            return cursor.rowcount == 1


class Period(models.Model):
    name = models.CharField(max_length=100)
    begins_at = models.DateTimeField()
    claimed_at = models.DateTimeField()

    objects = PeriodQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "begins_at"], name="one_row_per_period")]

    def __str__(self) -> str:
        return f"{self.name} {self.begins_at:%Y-%m-%d %H:%M}"
