"""Generations: one number in the keys of many values. A new number, and all of them are forgotten at once.

Problem         The price has changed, the page is still old: somebody deleted the product's key and forgot the list, the
                category's page, the search. `update()` and `bulk_create()` send no signal. A slow reader puts the old value back.
Guarantee       Once the transaction of a write has returned, no value that was loaded before is read: not after save,
                delete, update(), bulk_create() or bulk_update(), in whatever layer it was kept (object, page, ETag). A
                rollback forgets nothing. Who read the generation, loaded, and was overtaken by a write, stores under the
                old generation, where nobody looks. A generation that the server lost never comes back: the next is
                random, so what was stored under an earlier one stays forgotten.
Not guaranteed  Writes past the ORM (raw SQL, another service): call `bump_on_commit` there. A write whose bump does not arrive
                because the cache is away: the old values live as long as their own time-out, and the error is logged.
                Who reads between the commit and the bump, some microseconds later, gets the old value.
Cost            A read of the generation (one round trip) before the read of a value, one write per changed row or bulk.
                A bump forgets the whole namespace: choose one that changes as one. The old values stay until they expire.
Use instead     Deleting the key, when there is one key and one place that writes; a time-out alone, when a minute does not
                matter; patterns/caching/leases, when a value is to be forgotten alone.

Source: memcached.org, "Programming FAQ", "Simulating Namespaces with Key Prefixes".
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache.backends.base import BaseCache
from django.db import models, transaction

M = TypeVar("M", bound=models.Model)


class Generation:
    """Of one namespace, in any of Django's caches: `{namespace}:generation` holds a random word, and never expires."""

    def __init__(self, cache: BaseCache, namespace: str) -> None:
        self.cache = cache
        self.name = f"{namespace}:generation"

    def current(self) -> str:
        """One round trip. Read it before you load, and store what you loaded under keys that contain it."""
        if found := self.cache.get(self.name):
            return str(found)
        ours = secrets.token_hex(8)
        if self.cache.add(self.name, ours, timeout=None):
            return ours
        return str(self.cache.get(self.name) or ours)  # another was faster; or there is no cache, and nothing to be found in it

    def bump(self) -> None:
        self.cache.set(self.name, secrets.token_hex(8), timeout=None)

    def bump_on_commit(self, using: str | None = None) -> None:
        """Not before: a reader would load the old row, and keep it under the new generation."""
        transaction.on_commit(self.bump, using=using, robust=True)


class BumpingQuerySet(models.QuerySet[M]):
    """Also bumps for what sends no signal. Use it as the model's manager: `objects = BumpingQuerySet.as_manager()`."""

    def update(self, **values: Any) -> int:  # bulk_update comes through here
        changed = super().update(**values)
        self._bump(changed)
        return changed

    def delete(self) -> tuple[int, dict[str, int]]:
        deleted = super().delete()
        self._bump(deleted[0])
        return deleted

    def bulk_create(self, objs: Iterable[M], *words: Any, **options: Any) -> list[M]:
        created = super().bulk_create(objs, *words, **options)
        self._bump(len(created))
        return created

    def _bump(self, rows: int) -> None:
        if rows:
            self.model.generation().bump_on_commit(self.db)  # type: ignore[attr-defined]

    update.alters_data = delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Bumping(models.Model):
    """A model whose rows' writes bump `generation`, which is to be set on the class: a function that gives the Generation."""

    generation: Callable[[], Generation]

    class Meta:
        abstract = True

    def save_base(self, *words: Any, **options: Any) -> None:
        super().save_base(*words, **options)
        type(self).generation().bump_on_commit(self._state.db)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        deleted = super().delete(using=using, keep_parents=keep_parents)
        type(self).generation().bump_on_commit(using or self._state.db)
        return deleted
