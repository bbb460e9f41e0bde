"""Cache invalidation race: a slow reader puts the old value back.

A customer views a product while the list of recently viewed products is being loaded, in
fifty rounds: the list is loaded, the write commits and invalidates the list, and only then
the old list is stored. The order is forced.
"""

import secrets
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.core.cache import cache

from catalogue.models import Category, Product
from catalogue.services import forget_recent, load_recent, recent_products, remember_view
from lab import own_keys, patience
from labkit import Counts, Experiment

ROUNDS = 50
KEEP_SECONDS = 600

Load = Callable[[str], list[dict[str, Any]]]


class NaiveSide:
    """Cache-aside as every tutorial has it: get, load, set; and delete on write."""

    prefix: str

    @classmethod
    def read(cls, user: str, load: Load = load_recent) -> list[dict[str, Any]]:
        found = cache.get(f"{cls.prefix}:{user}")
        if found is None:
            found = load(user)
            cache.set(f"{cls.prefix}:{user}", found, KEEP_SECONDS)
        return list(found)

    @classmethod
    def forget(cls, user: str) -> None:
        cache.delete(f"{cls.prefix}:{user}")


class SolvedSide:
    prefix: str

    @staticmethod
    def read(user: str, load: Load = load_recent) -> list[dict[str, Any]]:
        with mock.patch("catalogue.services.load_recent", load):
            return recent_products(user=user)[0]

    @staticmethod
    def forget(user: str) -> None:
        forget_recent(user)


Side = type[NaiveSide] | type[SolvedSide]


def naive() -> Counts:
    return race(NaiveSide)


def solved() -> Counts:
    return race(SolvedSide)


def race(side: Side) -> Counts:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    user = f"lab-{secrets.token_hex(8)}"
    stale = hits = 0
    with patience(), own_keys() as side.prefix:
        for number in range(ROUNDS):
            product = Product.objects.create(sku=f"LAB-{secrets.token_hex(8)}", name=f"Mug {number}", price="4.90", category=category)
            side.forget(user)
            side.read(user, overtaken_by(side, product.sku))
            stale += [each["sku"] for each in side.read(user)][:1] != [product.sku]
            hits += side.read(user, never) != []
    return {"rounds": ROUNDS, "stale_values_kept": stale, "later_reads_from_the_cache": hits}


def overtaken_by(side: Side, sku: str) -> Load:
    def load(user: str) -> list[dict[str, Any]]:
        seen = load_recent(user)
        remember_view(sku=sku, user=user)  # the writer: commits,
        side.forget(user)  # and forgets
        return seen  # and the reader, who saw what was before, goes on to store it

    return load


def never(user: str) -> list[dict[str, Any]]:
    return []


experiment = Experiment(
    challenge="Cache invalidation race: a slow reader puts the old value back",
    solution="leases: a loader may store its value only if nothing invalidated the key meanwhile",
    load=f"{ROUNDS} rounds in which we force this order: a reader loads, a writer commits and invalidates, the reader stores",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["stale_values_kept"] == ROUNDS,
    holds=lambda counts: counts["stale_values_kept"] == 0 and counts["later_reads_from_the_cache"] == ROUNDS,
    proof=("stale_values_kept",),
    code="patterns/caching/leases",
)
