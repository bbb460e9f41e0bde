"""The pattern alone: rows are Django's permissions, their parents are content types."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from . import BadPage, Keyset, Page

pytestmark = pytest.mark.django_db

UP = Keyset(Permission, ("name", "id"))
DOWN = Keyset(Permission, ("-name", "-id"))


@pytest.fixture
def parents() -> list[ContentType]:
    """Three, with 7 permissions each: pairs share a name, and ids have another order."""
    Permission.objects.all().delete()
    made = [ContentType.objects.create(app_label="lists", model=f"model{n}") for n in range(3)]
    Permission.objects.bulk_create(
        Permission(content_type=parent, codename=f"{n}", name=f"name {n * 3 % 7 // 2}")
        for parent in made
        for n in range(7)
    )
    return made


def walk(keyset: Keyset, first: int) -> Iterator[Any]:
    after = None
    while True:
        page = Page.parse(keyset, first, after)
        connection = page.connect(list(page.of(Permission.objects.all())))
        yield connection
        if not connection.has_next_page:
            return
        after = connection.end_cursor


@pytest.mark.parametrize("keyset", [UP, DOWN])
@pytest.mark.parametrize("first", [1, 2, 4, 20, 21, 100])
def test_a_walk_shows_each_row_once_and_in_order(
    parents: list[ContentType], keyset: Keyset, first: int
) -> None:
    pages = list(walk(keyset, first))

    assert [edge.node for page in pages for edge in page.edges] == list(
        Permission.objects.order_by(*keyset.order)
    )
    assert {len(page.edges) for page in pages[:-1]} <= {first}


@pytest.mark.parametrize("keyset", [UP, DOWN])
def test_inserts_and_deletes_neither_hide_nor_repeat_other_rows(
    parents: list[ContentType], keyset: Keyset
) -> None:
    kept = set(Permission.objects.exclude(codename="3"))
    seen: list[Model] = []
    for n, page in enumerate(walk(keyset, 4)):
        seen += [edge.node for edge in page.edges]
        Permission.objects.create(
            content_type=parents[0], codename=f"new {n}", name="name" if keyset is UP else "nbme"
        )
        Permission.objects.filter(content_type=parents[n % 3], codename="3").delete()

    assert len(seen) == len(set(seen))
    assert kept <= set(seen)


@pytest.mark.parametrize("first", [-(2**31), -1, 0, 101, 2**31 - 1, None])
def test_an_invalid_page_size_is_refused_before_a_query(
    first: int | None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0), pytest.raises(BadPage) as refused:
        Page.parse(UP, first, None)

    assert refused.value.extensions == {"code": "BAD_USER_INPUT"}
    assert Page.parse(UP, 101, None, maximum=101).first == 101


def test_a_malformed_altered_or_foreign_cursor_is_refused(
    parents: list[ContentType],
) -> None:
    cursor = UP.cursor(Permission.objects.all()[0])
    altered = cursor[:3] + ("a" if cursor[3] != "a" else "b") + cursor[4:]
    others = [
        DOWN.cursor(Permission.objects.all()[0]),
        Keyset(Group, ("name", "id")).cursor(Group(name="a", id=1)),
    ]

    for bad in ["", "rubbish", ":", "\x00", "\ud800", "ä" * 5000, altered, *others]:
        with pytest.raises(BadPage):
            Page.parse(UP, 1, bad)
    assert Page.parse(UP, 1, cursor).after


def test_a_cursor_of_a_field_that_changed_its_type_is_refused() -> None:
    for values in (["a name", "x"], ["a name"]):
        with pytest.raises(BadPage):
            Page.parse(UP, 1, UP.signer.sign_object(values))


def test_the_pages_of_many_parents_cost_one_query(
    parents: list[ContentType], django_assert_num_queries: Any
) -> None:
    for page in (
        Page.parse(DOWN, 3, None),
        Page.parse(DOWN, 3, DOWN.cursor(Permission.objects.filter(codename="4")[0])),
    ):
        with django_assert_num_queries(1):
            found = page.of_each(
                Permission.objects.filter(content_type__in=parents), "content_type"
            )

        assert list(found) == [parent.pk for parent in parents]
        for parent in parents:
            assert found[parent.pk] == list(page.of(parent.permission_set.all()))
            assert len(found[parent.pk]) == 4


def test_a_page_costs_one_query_and_reads_one_extra_row(
    parents: list[ContentType], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert len(Page.parse(UP, 5, None).of(Permission.objects.all())) == 6


def test_a_connection_has_the_fields_of_relay(parents: list[ContentType]) -> None:
    page = Page.parse(UP, 2, None)
    rows = list(page.of(Permission.objects.all()))

    connection = page.connect(rows)

    assert [edge.node for edge in connection.edges] == rows[:2]
    assert connection.page_info.start_cursor == UP.cursor(rows[0])
    assert connection.page_info.end_cursor == UP.cursor(rows[1])
    assert (connection.page_info.has_next_page, connection.page_info.has_previous_page) == (
        True,
        False,
    )
    assert not page.connect(rows[:2]).has_next_page
    assert (page.connect([]).start_cursor, page.connect([]).end_cursor) == (None, None)


def test_equal_pages_have_equal_hashes() -> None:
    assert (
        len(
            {
                Page.parse(UP, 2, None),
                Page.parse(UP, 2, None),
                Page.parse(UP, 3, None),
                Page.parse(DOWN, 2, None),
            }
        )
        == 3
    )
