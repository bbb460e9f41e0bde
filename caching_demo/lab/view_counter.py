"""Page view counter in Django: every view writes a row.

Two thousand views of twenty products. Then a flush from the buffer to the database is killed
(SIGKILL) at each of its steps, in a process of its own: after the views were taken, inside
the transaction, after the commit. The naive side writes each view; its second version counts
in Redis and flushes now and then: it reads, deletes and writes.
"""

import os
import signal
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from catalogue import store
from catalogue.models import Category, Product, ViewCount
from lab import in_child, own_keys, patience
from labkit import Counts, Experiment, count_queries
from labkit.crowd import children
from patterns.caching.write_behind.buffer import Buffer

VIEWS = 2_000
PRODUCTS = 20
STEPS = ("taken", "in the transaction", "committed")
VIEWS_A_KILL = 100
ADD_ONE = """UPDATE catalogue_viewcount SET count = count + 1
             WHERE product_id = (SELECT id FROM catalogue_product WHERE sku = %s)"""


class NaiveSide:
    @staticmethod
    def view(sku: str) -> None:
        with connection.cursor() as cursor:  # what update(count=F("count") + 1) says, without the time that the ORM takes to say it
            cursor.execute(ADD_ONE, [sku])

    @staticmethod
    def flush_until_nothing_is_left() -> None:
        """Nothing to do: each view has been written."""

    @staticmethod
    def add(name: str, sku: str, number: int) -> None:
        client().hincrby(name, sku, number)

    @staticmethod
    def flush(name: str, die: Callable[[str], None]) -> None:
        views: dict[bytes, bytes] = client().hgetall(name)  # type: ignore[assignment]
        client().delete(name)
        die("taken")
        with transaction.atomic():
            for sku, number in views.items():
                ViewCount.objects.filter(product__sku=sku.decode()).update(count=F("count") + int(number))
            die("in the transaction")
        die("committed")


class Dying(Buffer):
    """The buffer, with a process that is killed at one of its steps."""

    die: Callable[[str], None]

    def take_batch(self) -> tuple[str, dict[str, int]]:
        taken = super().take_batch()
        type(self).die("taken")
        return taken

    def drop_batch(self, batch_id: str) -> None:
        type(self).die("committed")
        super().drop_batch(batch_id)


class SolvedSide:
    @staticmethod
    def view(sku: str) -> None:
        store.views().add(sku)

    @staticmethod
    def flush_until_nothing_is_left() -> None:
        while store.views().flush(ViewCount.objects.add):
            pass

    @staticmethod
    def add(name: str, sku: str, number: int) -> None:
        Buffer(client(), name).add(sku, number)

    @staticmethod
    def flush(name: str, die: Callable[[str], None]) -> None:
        def apply(views: dict[str, int]) -> None:
            ViewCount.objects.add(views)
            die("in the transaction")

        Dying.die = staticmethod(die)
        while Dying(client(), name).flush(apply):
            pass


SIDES: dict[str, type[NaiveSide] | type[SolvedSide]] = {"naive": NaiveSide, "solved": SolvedSide}


def naive() -> Counts:
    return view("naive")


def solved() -> Counts:
    return view("solved")


def view(name: str) -> Counts:
    side = SIDES[name]
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    skus = [f"LAB-VIEW-{number:02d}" for number in range(PRODUCTS)]
    for sku in skus:
        product, _ = Product.objects.get_or_create(sku=sku, defaults={"name": "Mug", "price": "4.90", "category": category})
        ViewCount.objects.update_or_create(product=product, defaults={"count": 0})
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # for both: what is counted are writes, and not how long the disk takes
    with patience(), own_keys() as prefix:
        with count_queries() as statements:
            for number in range(VIEWS):
                side.view(skus[number % PRODUCTS])
            side.flush_until_nothing_is_left()
        writes = sum(statement.startswith(("UPDATE", "INSERT")) for statement in statements)
        seen = written(skus)
        kills = kill_at_each_step(name, prefix, skus)
    return {"views": VIEWS, "database_writes": writes, "views_counted": seen, **kills}


def kill_at_each_step(name: str, prefix: str, skus: list[str]) -> dict[str, int]:
    """One process per step, all at once, each with its own buffer and product. Then what is left is flushed."""
    before = {sku: written([sku]) for sku in skus}
    for step, sku in zip(STEPS, skus, strict=False):
        SIDES[name].add(f"{prefix}:{step}", sku, VIEWS_A_KILL)
    flushes = [children().Process(target=in_child, args=(f"{__name__}.flush_and_die", prefix, name, step), daemon=True) for step in STEPS]
    for flush in flushes:
        flush.start()
    for flush in flushes:
        flush.join(60)
    for step in STEPS:
        SIDES[name].flush(f"{prefix}:{step}", lambda _: None)
    gained = [written([sku]) - before[sku] - VIEWS_A_KILL for sku in skus[: len(STEPS)]]
    return {
        "flushes_killed": sum(flush.exitcode == -signal.SIGKILL for flush in flushes),
        "views_lost_by_kills": -sum(min(each, 0) for each in gained),
        "views_doubled_by_kills": sum(max(each, 0) for each in gained),
    }


def flush_and_die(name: str, step: str) -> None:
    def die(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    SIDES[name].flush(f"{settings.CACHE_KEY_PREFIX}:{step}", die)


def written(skus: list[str]) -> int:
    return sum(ViewCount.objects.filter(product__sku__in=skus).values_list("count", flat=True))


def client() -> redis.Redis:
    return store.client(settings.REDIS_URL)


experiment = Experiment(
    challenge="Page view counter in Django: every view writes a row",
    solution="write-behind: counted in Redis, written in batches whose id is in the same transaction",
    load=f"{VIEWS} views of {PRODUCTS} products; then {len(STEPS)} flushes, each killed at a different step",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["database_writes"] == VIEWS and counts["views_lost_by_kills"] > 0,
    holds=lambda counts: (
        counts["database_writes"] < 20
        and counts["views_counted"] == VIEWS
        and counts["flushes_killed"] == len(STEPS)
        and counts["views_lost_by_kills"] == counts["views_doubled_by_kills"] == 0
    ),
    proof=("database_writes", "views_lost_by_kills"),
    code="patterns/caching/write_behind/buffer.py",
)
