"""A system check, part of `migrate` and `check --database default`."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import Error, Tags, register
from django.db import connections, router, transaction

from .models import RefreshFamily


@register(Tags.database)
def isolation_is_read_committed(databases: Sequence[str] | None, **_: Any) -> list[Error]:
    """In a snapshot, the second use of a token would be an error, and not end its family."""
    errors = []
    for alias in databases or ():
        is_here = router.allow_migrate_model(alias, RefreshFamily)
        if not is_here or connections[alias].vendor != "postgresql":
            continue
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            level = cursor.fetchone()[0]
        if level != "read committed":
            label = apps.get_containing_app_config(__name__).label  # type: ignore[union-attr]
            hint = "Set no isolation_level in DATABASES, and no default_transaction_isolation."
            errors.append(
                Error(f"{label} needs READ COMMITTED, not {level}.", hint, id=f"{label}.E001")
            )
    return errors
