"""Every write of the ORM bumps, or a system check refuses the model."""

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from django.apps import AppConfig
from django.conf import settings as project
from django.core import serializers
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection, models, transaction
from django.test import override_settings

from . import Bumping, BumpingQuerySet, Generation, NotInvalidated
from .unsent import unsent

LABEL = "a_test_of_writes"


class Shelf(models.Model):
    """Not Bumping: another app's."""

    class Meta:
        app_label = LABEL


class Tag(models.Model):
    class Meta:
        app_label = LABEL


class Book(Bumping):
    here: ClassVar[Generation]
    generation = staticmethod(lambda: Book.here)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True, related_name="books")
    tags = models.ManyToManyField(Tag, related_name="books")
    price = models.IntegerField(default=1)
    objects = BumpingQuerySet["Book"].as_manager()

    class Meta:
        app_label = LABEL


class Refusing(LocMemCache):
    """As a server that is full (`set`), or a replica (`set` and `delete`), or is down (all)."""

    refused: tuple[str, ...] = ()

    def _refuse(self, what: str) -> None:
        if what in self.refused:
            raise RuntimeError(what)

    def set(self, *words: Any, **options: Any) -> None:
        self._refuse("set")
        super().set(*words, **options)

    def delete(self, *words: Any, **options: Any) -> bool:
        self._refuse("delete")
        return super().delete(*words, **options)

    def get(self, *words: Any, **options: Any) -> Any:
        self._refuse("get")
        return super().get(*words, **options)


@pytest.fixture
def cache() -> Refusing:
    return Refusing(secrets.token_hex(8), {})


@pytest.fixture
def generation(cache: Refusing) -> Iterator[Generation]:
    unsent.forget()
    Book.here = Generation(cache, f"test-{secrets.token_hex(8)}")
    yield Book.here
    unsent.forget()


class Writes(AppConfig):
    label = LABEL  # relations of models without an installed app have no reverse


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    apps = [*project.INSTALLED_APPS, Writes(LABEL, sys.modules[__name__])]
    with override_settings(INSTALLED_APPS=apps):
        yield


@pytest.fixture
def book(transactional_db: None, generation: Generation) -> Iterator[Book]:
    with connection.schema_editor() as editor:
        for model in (Shelf, Tag, Book):
            editor.create_model(model)
    book = Book.objects.create(shelf=Shelf.objects.create())
    book.tags.add(Tag.objects.create())
    yield book
    with connection.schema_editor() as editor:
        for model in (Book, Tag, Shelf):
            editor.delete_model(model)


def load(book: Book) -> None:
    text = json.dumps([{"model": f"{LABEL}.book", "pk": book.pk, "fields": {"price": 2}}])
    for each in serializers.deserialize("json", text):  # as loaddata does: no save() is called
        each.save()


WRITES: dict[str, Callable[[Book], Any]] = {
    "cascade": lambda book: book.shelf.delete(),
    "cascade of many": lambda book: Shelf.objects.all().delete(),
    "add to a related manager": lambda book: Shelf.objects.create().books.add(book),
    "set of a related manager": lambda book: Shelf.objects.create().books.set([book]),
    "remove from a related manager": lambda book: book.shelf.books.remove(book),
    "clear of a related manager": lambda book: book.shelf.books.clear(),
    "update by a related manager": lambda book: book.shelf.books.update(price=2),
    "create by a related manager": lambda book: book.shelf.books.create(),
    "many-to-many add": lambda book: book.tags.add(Tag.objects.create()),
    "many-to-many add, reverse": lambda book: Tag.objects.create().books.add(book),
    "many-to-many remove": lambda book: book.tags.remove(book.tags.get()),
    "many-to-many set": lambda book: book.tags.set([]),
    "many-to-many clear": lambda book: book.tags.clear(),
    "many-to-many clear, reverse": lambda book: Tag.objects.get().books.clear(),
    "loaddata": load,
    "base manager": lambda book: Book._base_manager.update(price=2),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_past_save_changes_the_generation(
    book: Book, generation: Generation, write: Callable[[Book], Any]
) -> None:
    before = generation.current()
    write(book)

    assert generation.current() != before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_server_that_refuses_has_the_write_refused(
    book: Book, generation: Generation, cache: Refusing, write: Callable[[Book], Any]
) -> None:
    rows = state()
    cache.refused = ("set", "delete")
    with pytest.raises(NotInvalidated), transaction.atomic():
        write(book)

    assert state() == rows


def state() -> list[Any]:
    return sorted(Book.objects.values_list("pk", "price", "shelf_id", "tags"), key=str)


def test_the_bumps_of_a_transaction_are_one(book: Book, cache: Refusing) -> None:
    stored: list[str] = []
    real = cache.set
    cache.set = lambda key, *words, **options: stored.append(key)  # type: ignore[method-assign]
    with transaction.atomic():
        for _ in range(5):
            book.save()
            Book.objects.update(price=3)
    cache.set = real  # type: ignore[method-assign]

    assert [key.rpartition(":")[2] for key in stored] == ["probe", "generation"]


def test_a_full_server_gets_a_delete(generation: Generation, cache: Refusing) -> None:
    before = generation.current()
    cache.refused = ("set",)

    assert generation.bump()
    assert generation.current() != before


def test_while_a_bump_is_unsent_no_old_value_is_read(
    book: Book, generation: Generation, cache: Refusing, monkeypatch: Any
) -> None:
    told: list[int] = []
    monkeypatch.setattr(
        Book, "here", Generation(cache, generation.namespace, on_unsent=lambda: told.append(1))
    )
    before = generation.current()
    cache.refused = ("set", "delete", "get")
    Book.objects.update(price=2)
    during = [generation.current() for _ in range(2)]
    cache.refused = ()
    monkeypatch.setattr("time.monotonic", lambda: 1e12)  # the pause between two tries has passed
    after = [generation.current() for _ in range(2)]

    assert told == [1]
    assert len({before, *during}) == 3
    assert after[0] == after[1] != before


def test_a_bump_that_fails_during_another_is_not_forgotten(generation: Generation) -> None:
    key = generation.server_key
    unsent.add(key)
    seen = unsent.count(key)
    unsent.add(key)
    unsent.sent(key, seen)

    assert unsent.count(key) == 2


def model(name: str, **attributes: Any) -> Any:
    meta = type("Meta", (), {"app_label": f"{LABEL}_{secrets.token_hex(4)}"})
    return type(name, (Bumping,), {"__module__": __name__, "Meta": meta, **attributes})


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"objects": models.Manager()}, "generations.E001"),
        ({}, "generations.E001"),
        (
            {
                "objects": BumpingQuerySet.as_manager(),
                "shelf": models.ForeignKey(Shelf, models.SET_NULL, null=True, related_name="+"),
            },
            "generations.E002",
        ),
        (
            {
                "objects": BumpingQuerySet.as_manager(),
                "shelf": models.ForeignKey(Shelf, models.SET(1), related_name="+"),
            },
            "generations.E002",
        ),
    ],
)
def test_a_check_refuses_a_model_that_would_change_without_a_bump(
    attributes: dict[str, Any], error: str
) -> None:
    found = {each.id for each in model("Wrong", **attributes).check()}

    assert error in found


def test_a_check_accepts_the_model_of_these_tests() -> None:
    assert [each for each in Book.check() if each.id.startswith("generations.")] == []
