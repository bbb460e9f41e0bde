"""The row is one of Django's own users."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import answer_read, etag_of, locked_if_match, tagged

pytestmark = pytest.mark.django_db
RACERS = 10


def represent(user: User) -> dict[str, str]:
    return {"first": user.first_name, "last": user.last_name}


class Person(APIView):
    permission_classes = ()
    while_locked: Callable[[], None] = staticmethod(lambda: None)

    def get(self, request: Request) -> Response:
        return answer_read(request, represent(User.objects.get(username="someone")))

    def patch(self, request: Request) -> Response:
        changes = request.data
        with locked_if_match(
            request, User.objects.filter(username="someone"), state=represent
        ) as user:
            self.while_locked()
            user.first_name = changes["first"]
            user.save()
            if changes["first"] == "refused":
                raise ValidationError("after the write")
        return tagged(represent(user))


def send(
    method: str, *, first: str = "Ben", view: type[APIView] = Person, **headers: str
) -> Response:
    body = {"first": first} if method == "patch" else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return view.as_view()(
        getattr(APIRequestFactory(), method)("/person/", body, format="json", headers=named)
    ).render()


@pytest.fixture
def etag() -> str:
    User.objects.create(username="someone", first_name="Ann", last_name="Lee")
    return send("get")["ETag"]


def first_name() -> str:
    return User.objects.get(username="someone").first_name


def test_an_etag_is_strong_and_follows_the_content(etag: str) -> None:
    same = send("get")["ETag"]
    User.objects.update(last_name="Low")

    assert etag.startswith('"')
    assert etag.endswith('"')
    assert same == etag != send("get")["ETag"]


class Counted(Person):
    """Everyone's logins change a person; an update has to have seen the names only."""

    def get(self, request: Request) -> Response:
        user = User.objects.get(username="someone")
        shown = {**represent(user), "last_login": user.last_login}
        return answer_read(request, shown, version=represent(user))


def test_what_is_not_in_the_version_does_not_refuse_an_update(etag: str) -> None:
    etag = send("get", view=Counted)["ETag"]
    User.objects.update(last_login=timezone.now())

    assert send("get", view=Counted, If_None_Match=etag).status_code == 200  # it is another page
    assert send("get", view=Counted, If_Match=etag).status_code == 412
    assert send("patch", view=Counted, If_Match=f'"other", {etag}').status_code == 200
    assert send("patch", view=Counted, If_Match=etag).status_code == 412  # now the name is another
    assert send("patch", view=Counted, If_Match=f"W/{etag}").status_code == 412


def test_an_etag_may_hold_a_version() -> None:
    first, second = tagged({"a": 1}, version=0), tagged({"a": 1}, version=1)

    assert [each["ETag"].partition("-")[0] + '"' for each in (first, second)] == [
        etag_of(0),
        etag_of(1),
    ]


@pytest.mark.parametrize("header", ["{}", "W/{}", '"other", {}', "*"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_a_read_with_the_current_etag_is_304(etag: str, method: str, header: str) -> None:
    answer = send(method, If_None_Match=header.format(etag))

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    assert answer["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("header", ['"other"', "", "nonsense"])
def test_a_read_with_another_etag_is_200(etag: str, header: str) -> None:
    answer = send("get", If_None_Match=header)

    assert (answer.status_code, answer.data) == (200, {"first": "Ann", "last": "Lee"})


def test_a_read_of_another_version_is_refused(etag: str) -> None:
    assert send("get", If_Match=etag).status_code == 200
    assert send("get", If_Match='"other"').status_code == 412


@pytest.mark.parametrize("headers", [{}, {"If_Match": ""}, {"If_Match": "  "}])
def test_a_change_without_if_match_is_refused_before_any_query(
    etag: str, headers: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = send("patch", **headers)

    assert answer.status_code == 428
    assert first_name() == "Ann"


@pytest.mark.parametrize("header", ['"other"', "W/{}", "nonsense", "{bare}"])
def test_a_stale_weak_or_malformed_etag_changes_nothing(etag: str, header: str) -> None:
    answer = send("patch", If_Match=header.format(etag, bare=etag.strip('"')))

    assert answer.status_code == 412
    assert first_name() == "Ann"


@pytest.mark.parametrize("header", ["{}", '"other", {}', "*"])
def test_the_current_etag_changes_it_and_the_answer_has_the_next_one(
    etag: str, header: str
) -> None:
    answer = send("patch", If_Match=header.format(etag))

    assert (answer.status_code, first_name()) == (200, "Ben")
    assert answer["ETag"] == send("get")["ETag"] != etag


def test_an_etag_is_good_for_one_change(etag: str) -> None:
    codes = [send("patch", first=name, If_Match=etag).status_code for name in ("Ben", "Cid")]

    assert codes == [200, 412]
    assert first_name() == "Ben"


def test_a_change_only_if_none_matches_is_refused_when_one_does(etag: str) -> None:
    assert send("patch", If_Match=etag, If_None_Match="*").status_code == 412
    assert first_name() == "Ann"


def test_an_exception_in_the_block_rolls_back(etag: str) -> None:
    assert send("patch", first="refused", If_Match=etag).status_code == 400
    assert first_name() == "Ann"


def test_a_missing_row_is_404() -> None:
    assert send("patch", If_Match="*").status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_of_ten_racing_writers_with_one_etag_one_wins(etag: str, isolation: str) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this guarantee needs PostgreSQL: set DATABASE_URL")
    codes: list[int] = []
    holds = threading.Event()

    class Slow(Person):
        def while_locked(self) -> None:
            """The winner waits here until all the others wait for the lock."""
            holds.set()
            deadline = time.monotonic() + 20
            while waiting_for_a_lock() + len(codes) < RACERS - 1 and time.monotonic() < deadline:
                time.sleep(0.01)

    def race(number: int, view: type[APIView]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation}"
            )
        codes.append(send("patch", first=f"racer {number}", view=view, If_Match=etag).status_code)
        connection.close()

    threads = [
        threading.Thread(target=race, args=(number, Slow if number == 0 else Person))
        for number in range(RACERS)
    ]
    threads[0].start()
    holds.wait(20)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [200] + [412] * (RACERS - 1)
    assert first_name() == "racer 0"


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # a transaction sees the activity of its first look, otherwise
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def test_it_costs_a_transaction_and_no_statement_more(
    etag: str, django_assert_num_queries: Any
) -> None:
    with (
        django_assert_num_queries(4) as queries
    ):  # a savepoint here, inside the test's transaction; the SELECT; the UPDATE; release
        send("patch", If_Match=etag)

    if connection.vendor == "postgresql":
        assert queries[1]["sql"].endswith("FOR NO KEY UPDATE")
