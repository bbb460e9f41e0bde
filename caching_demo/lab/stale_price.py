"""Cache invalidation in Django: the price changed, the page did not.

Each of Django's ways to write a row, three times. After each write the product's page is
read, and the two other pages that show the product: a neighbour's page and the list. The
naive side deletes the product's key in a signal.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save

from catalogue.models import Category, Product
from catalogue.pages import load_list, load_product, product_list, product_page
from catalogue.store import FRESH_SECONDS
from lab import own_keys, patience
from labkit import Counts, Experiment

ROUNDS = 3
MUG, LAMP = "LAB-MUG", "LAB-LAMP"
SLUG = "lab"


class NaiveSide:
    prefix: str

    @classmethod
    def page(cls, sku: str) -> dict[str, Any]:
        return cache.get_or_set(f"{cls.prefix}:product:{sku}", lambda: load_product(sku), FRESH_SECONDS) or {}

    @classmethod
    def list(cls) -> dict[str, Any]:
        return cache.get_or_set(f"{cls.prefix}:list", lambda: load_list(SLUG, 1), FRESH_SECONDS) or {}

    @classmethod
    def forget(cls, sender: Any, instance: Product, **_: Any) -> None:
        cache.delete(f"{cls.prefix}:product:{instance.sku}")


class SolvedSide:
    @staticmethod
    def page(sku: str) -> dict[str, Any]:
        return product_page(sku=sku).content

    @staticmethod
    def list() -> dict[str, Any]:
        return product_list(category=SLUG).content


Side = type[NaiveSide] | type[SolvedSide]


def save(mug: Product) -> None:
    mug.price += 1
    mug.save()


def bulk_update(mug: Product) -> None:
    mug.price += 1
    Product.objects.bulk_update([mug], ["price"])


def bulk_create(mug: Product) -> None:
    Product.objects.bulk_create([Product(sku=f"LAB-NEW-{Product.objects.count()}", name="Mug", price="4.90", category=mug.category)])


WRITES: dict[str, Callable[[Product], Any]] = {
    "save": save,
    "update": lambda mug: Product.objects.filter(pk=mug.pk).update(price=F("price") + 1),
    "bulk_update": bulk_update,
    "bulk_create": bulk_create,
    "delete": lambda mug: Product.objects.filter(sku__startswith="LAB-NEW").latest("pk").delete(),
}


def naive() -> Counts:
    with patience(), own_keys() as NaiveSide.prefix:
        for signal in (post_save, post_delete):
            signal.connect(NaiveSide.forget, sender=Product)
        try:
            return write_and_look(NaiveSide)
        finally:
            for signal in (post_save, post_delete):
                signal.disconnect(NaiveSide.forget, sender=Product)


def solved() -> Counts:
    with patience(), own_keys():
        return write_and_look(SolvedSide)


def write_and_look(side: Side) -> Counts:
    category, _ = Category.objects.get_or_create(slug=SLUG, defaults={"name": "Lab"})
    Product.objects.filter(category=category).delete()
    for sku, price in ((MUG, "4.90"), (LAMP, "19.90")):
        Product.objects.create(sku=sku, name=sku, price=price, category=category)
    stale = dict.fromkeys(WRITES, 0)
    for name, write in WRITES.items():
        for _ in range(ROUNDS):
            look(side)  # so that there is something to be forgotten
            write(Product.objects.get(sku=MUG))
            stale[name] += look(side)
    return {
        "reads": 3 * ROUNDS * len(WRITES),
        "stale_reads": sum(stale.values()),
        **{f"stale_after_{name}": number for name, number in stale.items()},
        "wrong_after_rollback": wrong_after_rollback(side),
    }


def look(side: Side) -> int:
    """How many of the three pages differ from the database."""
    shown = [side.page(MUG), side.page(LAMP), side.list()]
    return sum(page != true for page, true in zip(shown, (load_product(MUG), load_product(LAMP), load_list(SLUG, 1)), strict=True))


def wrong_after_rollback(side: Side) -> int:
    """How often a page shows a price that was rolled back: it was invalidated too early, and loaded inside the transaction."""
    wrong = 0
    for _ in range(ROUNDS):
        look(side)
        with transaction.atomic():
            save(Product.objects.get(sku=MUG))
            side.page(MUG)  # another part of the same request
            transaction.set_rollback(True)
        wrong += look(side) > 0
    return wrong


experiment = Experiment(
    challenge="Cache invalidation in Django: the price changed, the page did not",
    solution="generations: one random token in the keys of all pages, replaced when a write commits",
    load=f"{len(WRITES)} ways to write, {ROUNDS} times each, and after each the three pages that show the product are read",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["stale_reads"] > 0 and counts["stale_after_update"] > 0,
    holds=lambda counts: counts["stale_reads"] == counts["wrong_after_rollback"] == 0,
    proof=("stale_reads",),
    code="patterns/caching/generations",
)
