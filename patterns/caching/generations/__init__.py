"""Generations: one word in the keys of many cached values. Change it: all are stale.

Problem
    The price changed, the page is still old: the product's key was deleted, the list
    was forgotten. `update()` and `loaddata` run no `save()`. Redis is full: it refuses
    the invalidation, and serves the old page as a hit.

Guarantee
    - After a write commits, no value loaded before it is read: save, delete, cascades,
      update(), bulk_create(), bulk_update(), related managers, many-to-many, loaddata.
      A rollback changes nothing.
    - A server that answers and refuses the change (full, READONLY) gets a delete; if it
      refuses that too, the write raises NotInvalidated before it is done.
    - A bump that could not be sent is repeated; until it arrives this process reads no
      old value. `on_unsent` may tell the others.
    - A generation that was lost never comes back.

Not guaranteed
    SQL past the ORM, `_raw_delete`, rows of a through model: call `bump_on_commit`.

Cost
    One round trip per read (none with single_flight's `version_key`), two per change.

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

from .bumping import Bumping, BumpingQuerySet
from .generation import Generation, NotInvalidated

__all__ = ["Bumping", "BumpingQuerySet", "Generation", "NotInvalidated"]
