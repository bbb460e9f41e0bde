"""Generations with a table in PostgreSQL, a real Redis and a real Memcached."""

import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.memcached import PyMemcacheCache
from django.core.cache.backends.redis import RedisCache
from django.db import connection, models, transaction

from . import Bumping, BumpingQuerySet, Generation


class Thing(Bumping):
    here: ClassVar[Generation]
    generation = staticmethod(lambda: Thing.here)
    price = models.IntegerField()
    objects = BumpingQuerySet["Thing"].as_manager()

    class Meta:
        app_label = "a_test_of_generations"


@pytest.fixture(params=["redis", "memcached"])
def cache(request: pytest.FixtureRequest) -> Iterator[BaseCache]:
    if not (server := os.environ.get(f"{request.param.upper()}_URL", "")):
        pytest.fail(f"this pattern needs the servers: set {request.param.upper()}_URL")
    cache = RedisCache(server, {}) if request.param == "redis" else PyMemcacheCache(server, {})
    yield cache
    if request.param == "redis":
        cache._cache.get_client(write=True).connection_pool.disconnect()
    else:
        cache.close()


@pytest.fixture
def generation(cache: BaseCache) -> Iterator[Generation]:
    Thing.here = Generation(cache, f"test-{secrets.token_hex(8)}")
    yield Thing.here
    cache.delete(Thing.here.name)


@pytest.fixture
def thing(transactional_db: None, generation: Generation) -> Iterator[Thing]:
    with connection.schema_editor() as editor:
        editor.create_model(Thing)
    yield Thing.objects.create(price=1)
    with connection.schema_editor() as editor:
        editor.delete_model(Thing)


WRITES: dict[str, Callable[[Thing], Any]] = {
    "save": lambda thing: thing.save(),
    "save of one field": lambda thing: thing.save(update_fields=["price"]),
    "delete": lambda thing: thing.delete(),
    "create": lambda thing: Thing.objects.create(price=2),
    "update": lambda thing: Thing.objects.update(price=2),
    "update of some": lambda thing: Thing.objects.filter(pk=thing.pk).update(price=2),
    "update_or_create": lambda thing: Thing.objects.update_or_create(
        pk=thing.pk, defaults={"price": 2}
    ),
    "delete of many": lambda thing: Thing.objects.all().delete(),
    "bulk_create": lambda thing: Thing.objects.bulk_create([Thing(price=2)]),
    "bulk_update": lambda thing: Thing.objects.bulk_update([thing], ["price"]),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_of_any_kind_changes_the_generation(
    thing: Thing, generation: Generation, write: Callable[[Thing], Any]
) -> None:
    before = generation.current()

    write(thing)

    assert generation.current() != before


def test_a_write_of_no_rows_keeps_the_generation(thing: Thing, generation: Generation) -> None:
    before = generation.current()

    Thing.objects.filter(pk=-1).update(price=2)

    assert generation.current() == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_rollback_keeps_the_generation(
    thing: Thing, generation: Generation, write: Callable[[Thing], Any]
) -> None:
    before = generation.current()

    with transaction.atomic():
        write(thing)
        during = generation.current()
        transaction.set_rollback(True)

    assert before == during == generation.current()


def test_a_reader_that_a_write_overtook_stores_where_nobody_looks(
    thing: Thing, generation: Generation, cache: BaseCache
) -> None:
    seen, loaded = generation.current(), Thing.objects.get().price
    Thing.objects.update(price=2)
    cache.set(f"{generation.name}:{seen}:price", loaded, timeout=5)

    assert cache.get(f"{generation.name}:{generation.current()}:price") is None


def test_all_readers_agree_on_the_generation(generation: Generation) -> None:
    other = Generation(generation.cache, generation.name.removesuffix(":generation"))

    assert generation.current() == other.current() == generation.current()


def test_two_readers_that_find_none_agree_on_the_first(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Generation(generation.cache, generation.name.removesuffix(":generation"))
    add, theirs = generation.cache.add, []

    def add_after_another(*words: Any, **options: Any) -> bool:
        monkeypatch.undo()
        theirs.append(other.current())
        return add(*words, **options)

    monkeypatch.setattr(generation.cache, "add", add_after_another)

    assert [generation.current()] == theirs


def test_the_server_knows_the_generation_by_its_server_key(
    cache: BaseCache, generation: Generation
) -> None:
    generation.bump()

    assert generation.server_key == cache.make_key(generation.name)


def test_a_lost_generation_never_comes_back(generation: Generation) -> None:
    seen = set()
    for _ in range(20):
        seen.add(generation.current())
        generation.bump()
        seen.add(generation.current())
        generation.cache.delete(generation.name)  # evicted, or the server was restarted

    assert len(seen) == 40


def test_a_generation_does_not_expire(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = []
    for name in ("add", "set"):
        real = getattr(generation.cache, name)
        monkeypatch.setattr(
            generation.cache,
            name,
            lambda *words, real=real, timeout=300, **_: (
                times.append(timeout) or real(*words, timeout=timeout)
            ),
        )

    generation.current()
    generation.bump()

    assert times == [None, None]


def test_a_commit_succeeds_although_the_cache_is_unavailable(
    thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(Thing.here.cache, "set", away)

    Thing.objects.update(price=2)

    assert Thing.objects.get().price == 2
