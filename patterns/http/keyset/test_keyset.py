"""The pattern without the shop: the list is of Django's own users, four first names among them."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIRequestFactory

from . import KeysetPagination, sort_order

pytestmark = pytest.mark.django_db
ORDERS = ("username", "-username", "first_name", "-first_name", "date_joined", "-date_joined")
PEOPLE = 30


class UserSerializer(ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["username"]


class Users(ListAPIView[User]):
    authentication_classes = ()
    permission_classes = ()
    serializer_class = UserSerializer
    queryset = User.objects.all()
    pagination_class: Any = KeysetPagination
    orderings = ORDERS


class DrfPages(CursorPagination):
    page_size = 20
    ordering = ("date_joined", "id")


class DrfUsers(Users):
    pagination_class = DrfPages


def person(number: int, names: int = 4) -> User:
    joined = datetime(
        2026, 1, 1, 12, 0, 0, number % names, tzinfo=UTC
    )  # microseconds apart, four of them
    return User(
        username=f"user {number:05d}",
        first_name=f"Ann O'Neill | {number % names} é",
        date_joined=joined,
    )


@pytest.fixture
def people() -> list[User]:
    return User.objects.bulk_create(map(person, range(PEOPLE)))


def get(url: str, view: type[Users] = Users) -> Response:
    return view.as_view()(APIRequestFactory().get(url))


def names(answer: Response) -> list[str]:
    return [each["username"] for each in answer.data["results"]]


def walk(
    url: str | None, between: Callable[[list[str]], object] = lambda page: None, link: str = "next"
) -> list[str]:
    """Every name shown on the way, page by page; `between` is called with each page."""
    shown: list[str] = []
    for _ in range(2 * PEOPLE):
        answer = get(str(url))
        assert answer.status_code == 200
        shown += names(answer) if link == "next" else names(answer)[::-1]
        between(names(answer))
        if (url := answer.data[link]) is None:
            return shown
    raise AssertionError("a walk without end")


def in_order(ordering: str) -> list[str]:
    tie_break = "-pk" if ordering.startswith("-") else "pk"
    return list(User.objects.order_by(ordering, tie_break).values_list("username", flat=True))


@pytest.mark.parametrize("size", [1, 4, 7, 30])
@pytest.mark.parametrize("ordering", ORDERS)
def test_a_walk_shows_each_row_once_however_many_share_a_sort_key(
    people: list[User], ordering: str, size: int
) -> None:
    assert walk(f"/?ordering={ordering}&page_size={size}") == in_order(ordering)


@pytest.mark.parametrize("size", [1, 4, 7])
@pytest.mark.parametrize("ordering", ORDERS)
def test_a_walk_back_shows_each_row_once(people: list[User], ordering: str, size: int) -> None:
    from_the_end = sort_order(User, ordering).encode(None, reverse=True)

    shown = walk(f"/?ordering={ordering}&page_size={size}&cursor={from_the_end}", link="previous")

    assert shown == in_order(ordering)[::-1]


def test_next_and_previous_lead_to_the_same_pages(people: list[User]) -> None:
    first = get("/?ordering=first_name&page_size=7")
    second = get(first.data["next"])

    assert names(get(second.data["previous"])) == names(first)
    assert names(get(get(second.data["previous"]).data["next"])) == names(second)
    assert get(second.data["previous"]).data["previous"] is None


@pytest.mark.parametrize("ordering", ["first_name", "-first_name", "date_joined"])
def test_rows_that_come_and_go_in_front_shift_nothing(people: list[User], ordering: str) -> None:
    stay = set(in_order(ordering))

    def come_and_go(page: list[str]) -> None:
        new = User.objects.get(username=in_order(ordering)[0])
        new.pk += (
            1000 if ordering.startswith("-") else -1000
        )  # in front of the first, and a tie with it
        new.username = f"new {new.pk}"
        new.save(force_insert=True)
        User.objects.filter(username__in=page[-2:]).delete()  # the cursor's own row among them
        stay.difference_update(page[-2:])

    shown = walk(f"/?ordering={ordering}&page_size=5", come_and_go)

    assert len(shown) == len(set(shown)) == PEOPLE
    assert stay <= set(shown)


def test_past_an_end_that_has_gone_the_way_back_misses_nothing(people: list[User]) -> None:
    link = get("/?ordering=username&page_size=20").data["next"]
    User.objects.filter(username__gt="user 00019").delete()
    empty = get(link)

    assert (names(empty), empty.data["next"]) == ([], None)
    assert names(get(empty.data["previous"])) == in_order("username")


def test_before_a_start_that_has_gone_the_way_on_misses_nothing(people: list[User]) -> None:
    link = get(get("/?ordering=username&page_size=10").data["next"]).data["previous"]
    User.objects.filter(username__lt="user 00010").delete()
    empty = get(link)

    assert (names(empty), empty.data["previous"]) == ([], None)
    assert names(get(empty.data["next"])) == in_order("username")[:10]


@pytest.mark.parametrize(
    ("asked", "given"), [("1000000000", 100), ("101", 100), ("9" * 5000, 100), ("7", 7), ("007", 7)]
)
def test_a_page_is_never_larger_than_the_maximum(asked: str, given: int) -> None:
    User.objects.bulk_create(map(person, range(120)))

    assert len(names(get(f"/?page_size={asked}"))) == given


@pytest.mark.parametrize("asked", ["1e9", "0", "000", "-1", "1.5", "%00", "", "٣", "true"])
def test_a_page_size_that_is_none_is_refused(people: list[User], asked: str) -> None:
    assert get(f"/?page_size={asked}").status_code == 400


def test_a_page_is_one_query(people: list[User], django_assert_num_queries: Any) -> None:
    link = get("/?ordering=first_name&page_size=5").data["next"]

    with django_assert_num_queries(1):
        get(link)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "rubbish",
        "a:b",
        "%00",
        "a%00:b",
        "%ED%A0%80:%FF",
        "cD0x",
        "9" * 5000,
        "%22:%22",
        "[]:[]",
    ],
)
def test_a_rubbish_cursor_is_refused_without_a_query(
    people: list[User], cursor: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert get(f"/?cursor={cursor}").status_code == 400


def test_an_altered_cursor_is_refused_at_each_place(
    people: list[User], django_assert_num_queries: Any
) -> None:
    cursor = sort_order(User, "username").encode(people[7])
    forged = json.dumps([False, ["user 00000\x00"]]).encode()
    altered = [
        cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        for place in range(len(cursor) - 1)
    ]
    altered += [
        cursor[:-2],
        f"{base64.urlsafe_b64encode(forged).decode().rstrip('=')}:{cursor.rpartition(':')[2]}",
    ]

    assert get(f"/?cursor={cursor}").status_code == 200
    with django_assert_num_queries(0):
        assert {get(f"/?cursor={each}").status_code for each in altered} == {400}


def test_a_cursor_of_another_order_or_list_is_refused(people: list[User]) -> None:
    cursor = sort_order(User, "first_name").encode(people[7])
    of_groups = sort_order(Group, "name").encode(Group.objects.create(name="group"))

    assert get(f"/?ordering=-first_name&cursor={cursor}").status_code == 400
    assert get(f"/?cursor={cursor}").status_code == 400
    assert get(f"/?ordering=username&cursor={of_groups}").status_code == 400


@pytest.mark.parametrize(
    "ordering",
    ["", "password", "-password", "first_name,username", "groups__name", "%00", "--username"],
)
def test_only_the_orders_of_the_view_are_taken(people: list[User], ordering: str) -> None:
    assert get(f"/?ordering={ordering}").status_code == 400


def test_a_field_that_may_be_null_is_not_sorted_by() -> None:
    with pytest.raises(ImproperlyConfigured):
        sort_order(User, "last_login")


@pytest.mark.parametrize("ordering", ["first_name", "-first_name", "username"])
def test_a_deep_page_reads_its_own_rows_and_one(ordering: str) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is counted by PostgreSQL: set DATABASE_URL")
    User.objects.bulk_create(map(person, range(4000)))
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX user_by_first_name ON auth_user (first_name, id)")
        cursor.execute("ANALYZE auth_user")
    row = User.objects.order_by(ordering, "-pk" if ordering.startswith("-") else "pk")[3500]

    with CaptureQueriesContext(connection) as queries:
        get(f"/?ordering={ordering}&cursor={sort_order(User, ordering).encode(row)}")

    assert rows_read(queries[0]["sql"]) == 21


def rows_read(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [plan] = cursor.fetchone()
    [explained] = json.loads(plan) if isinstance(plan, str) else plan
    node = explained["Plan"]
    while "Plans" in node:
        [node] = node["Plans"]
    return int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * int(
        node["Actual Loops"]
    )


# Why this pattern is not DRF's CursorPagination. When one of these turns red, look again.


def test_drfs_own_cursor_skips_a_row_when_one_of_its_ties_goes() -> None:
    User.objects.bulk_create(person(number, names=1) for number in range(60))
    first = get("/", DrfUsers)
    User.objects.filter(username=names(first)[0]).delete()
    second = get(first.data["next"], DrfUsers)

    assert names(second)[0] == "user 00021"  # 00020 is shown to nobody


def test_drfs_own_cursor_goes_in_circles_beyond_a_thousand_ties() -> None:
    User.objects.bulk_create(person(number, names=1) for number in range(1100))
    url, pages = "/", []
    for _ in range(55):
        answer = get(url, DrfUsers)
        url, pages = answer.data["next"], [*pages, names(answer)]

    assert pages[50] == pages[51] == pages[54]


def test_drfs_own_cursor_lets_a_tampered_position_through(people: list[User]) -> None:
    tampered = base64.b64encode(b"p=no-date").decode()

    with pytest.raises(ValidationError):
        get(f"/?cursor={tampered}", DrfUsers)


def test_the_queryset_of_the_view_is_kept(people: list[User]) -> None:
    class Some(Users):
        def get_queryset(self) -> QuerySet[User]:
            return User.objects.filter(username__lt="user 00003").order_by("-username")

    assert names(get("/", Some)) == ["user 00000", "user 00001", "user 00002"]
