"""Generations: one word in the keys of many cached values. Change it: all are stale.

Problem
    The price changed, the page is still old: the product's key was deleted, the list
    and the search were forgotten. `update()` and `bulk_create()` send no signal.

Guarantee
    - After a write commits, no value loaded before it is read: after save, delete,
      update(), bulk_create() and bulk_update(). A rollback changes nothing.
    - A reader that a write overtook stores its value where nobody looks.
    - A generation that the server lost never comes back: the next is random.

Not guaranteed
    Writes past the ORM: call `bump_on_commit`. A bump without the cache server is
    logged and lost. Between commit and bump a reader gets the old value.

Cost
    One round trip per read (none with single_flight's `version_key`), one per change.

Use instead
    Deleting the key, if there is only one. A short time-out, if a minute does not
    matter.

Source: memcached.org, "Simulating Namespaces with Key Prefixes".

Use
    # your code
    from django.core.cache import cache
    from django.db import models
    from patterns.caching.generations import Bumping, BumpingQuerySet, Generation

    class Product(Bumping):
        generation = staticmethod(lambda: Generation(cache, "products"))
        price = models.IntegerField()
        objects = BumpingQuerySet.as_manager()

        class Meta:
            app_label = "shop"

    page = cache.get_or_set(f"{Product.generation().current()}:page:1", dict, 60)
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.cache.backends.base import BaseCache
from django.db import models, transaction

M = TypeVar("M", bound=models.Model)


class Generation:
    """Of one namespace, in a Django cache: a random word that never expires."""

    def __init__(self, cache: BaseCache, namespace: str) -> None:
        self.cache = cache
        self.name = f"{namespace}:generation"

    @property
    def server_key(self) -> str:
        """The key as the server knows it: single_flight's `version_key`, if values are JSON."""
        return str(self.cache.make_and_validate_key(self.name))

    def current(self) -> str:
        """Read it before you load, and put it into the keys of what you loaded."""
        if found := self.cache.get(self.name):
            return str(found)
        ours = secrets.token_hex(8)
        if self.cache.add(self.name, ours, timeout=None):
            return ours
        return str(self.cache.get(self.name) or ours)  # another was faster, or there is no cache

    def bump(self) -> None:
        self.cache.set(self.name, secrets.token_hex(8), timeout=None)

    def bump_on_commit(self, using: str | None = None) -> None:
        """Not earlier: a reader would store the old row under the new generation."""
        transaction.on_commit(self.bump, using=using, robust=True)


class BumpingQuerySet(models.QuerySet[M]):
    """Bumps for writes that send no signal. Use it as the model's manager."""

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
    """A model whose writes bump `generation`: a function, set on the class, that returns it."""

    generation: Callable[[], Generation]

    class Meta:
        abstract = True

    def save_base(self, *words: Any, **options: Any) -> None:
        super().save_base(*words, **options)
        type(self).generation().bump_on_commit(self._state.db)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        deleted = super().delete(using=using, keep_parents=keep_parents)
        type(self).generation().bump_on_commit(using or self._state.db)
        return deleted
