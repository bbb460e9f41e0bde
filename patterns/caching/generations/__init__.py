"""Generations: one random token in the keys of many values. Change it: all are stale.

Problem
    The price changed, the list is still old: only the product's key was deleted.
    `update()` sends no signal. A full Redis refuses the invalidation.

Guarantee
    - After a write commits (save, delete, cascade, update(), bulk_*, many-to-many,
      loaddata), no value loaded before it is read. A rollback changes nothing.
    - A server that refuses the change gets a delete, else the write raises
      NotInvalidated.
    - A bump that could not be sent is repeated.
    - A generation that the server lost never comes back.

Not guaranteed
    SQL past the ORM, and rows of a through model: call `bump_on_commit`.

Cost
    One round trip per read, two per change.

Use instead
    Deleting the key, if there is only one. A short time-out, if a minute is fine.

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

from .bumping import Bumping, BumpingQuerySet
from .generation import Generation, NotInvalidated

__all__ = ["Bumping", "BumpingQuerySet", "Generation", "NotInvalidated"]
