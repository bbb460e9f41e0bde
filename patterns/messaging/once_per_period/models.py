from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connections, models, router, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # periods are counted from here


class PeriodQuerySet(models.QuerySet["Period"]):
    @property
    def _write_alias(self) -> str:
        return self._db or router.db_for_write(self.model)  # type: ignore[attr-defined]

    def claim(self, *, name: str, now: datetime, length: timedelta) -> bool:
        """True for the one transaction that may do the work `name` of the period of `now`.

        Raises TransactionManagementError outside a transaction of this database.
        """
        using = self._write_alias
        connection = connections[using]
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError(
                f"call claim() in the transaction of the work: atomic(using={using!r})"
            )
        begins_at = EPOCH + (now - EPOCH) // length * length
        # not get_or_create: two callers at once, and the loser would need a savepoint
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (name, begins_at, claimed_at) VALUES (%s, %s, %s) "  # noqa: S608
                "ON CONFLICT (name, begins_at) DO NOTHING",
                [name, begins_at, now],
            )
            return cursor.rowcount == 1

    def prune(self, older_than: timedelta | datetime, *, batch_size: int = 1_000) -> int:
        """Deletes periods that began before, but the latest of each name; returns how many."""
        return sum(self.prune_in_batches(older_than, batch_size=batch_size))

    def prune_in_batches(
        self, older_than: timedelta | datetime, *, batch_size: int = 1_000
    ) -> Iterator[int]:
        """Prunes as it is iterated: a transaction per batch; yields how many it deleted."""
        before = older_than if isinstance(older_than, datetime) else timezone.now() - older_than
        rows = self.using(self._write_alias)
        later = rows.filter(name=OuterRef("name"), begins_at__gt=OuterRef("begins_at"))
        old = rows.filter(Exists(later), begins_at__lt=before).order_by("pk")
        while keys := list(old.values_list("pk", flat=True)[:batch_size]):
            yield rows.filter(pk__in=keys).delete()[0]


class Period(models.Model):
    name = models.CharField(max_length=100)
    begins_at = models.DateTimeField()
    claimed_at = models.DateTimeField()

    objects = PeriodQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "begins_at"], name="%(app_label)s_one_row_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.begins_at:%Y-%m-%d %H:%M}"
