"""The effect is a row of Django's own Group."""

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from . import models
from .checks import isolation_is_read_committed
from .decorator import idempotent
from .models import StoredAnswer

pytestmark = pytest.mark.django_db


class ReadsTheBody(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.data is not None


class Groups(APIView):
    permission_classes: list[type] = []  # visitors reach the pattern
    parser_classes: list[type] = [JSONParser, MultiPartParser]

    @idempotent(wait_seconds=0.2)
    def post(self, request: Request) -> Response:
        group = Group.objects.create(name=f"group {Group.objects.count()}")
        if request.data.get("then") == "fail":
            raise RuntimeError("after the effect, before the answer")
        headers = {"Location": f"/groups/{group.pk}", "ETag": '"1"', "Set-Cookie": "secret=1"}
        body = {"z": group.pk, "a": group.name}
        return Response(body, status=int(request.data.get("answer", 201)), headers=headers)


class Impatient(Groups):
    @idempotent(wait_seconds=0)
    def post(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return Response(cursor.fetchone()[0])


@pytest.fixture
def post(django_user_model: type[User]) -> Callable[..., Response]:
    someone = django_user_model.objects.create(username="someone")

    def send(
        key: str | None = "a-key",
        user: User = someone,
        *,
        path: str = "/groups/",
        view: Any = Groups,
        kind: str = "json",
        **body: Any,
    ) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        request = APIRequestFactory().post(path, body, format=kind, headers=headers)
        force_authenticate(request, user)
        return view.as_view()(request).render()

    return send


def test_the_same_key_takes_effect_once_and_answers_alike(post: Callable[..., Response]) -> None:
    first, second = post(), post()

    assert Group.objects.count() == 1
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second["Idempotency-Replayed"] == "true"


def test_the_replay_has_the_headers_of_the_first_response(post: Callable[..., Response]) -> None:
    first, second = post(), post()

    assert [second[name] for name in ("Location", "ETag")] == [first["Location"], '"1"']
    assert "Set-Cookie" not in second


MALFORMED = [
    "", '""', "k" * 256, '"a', 'a"', "k1,k2", '"k1","k2"', "ä", "\x7f", '"k";a=b', "a\\b",
]  # fmt: skip


@pytest.mark.parametrize("key", [None, *MALFORMED])
def test_a_missing_malformed_or_second_key_is_400(
    post: Callable[..., Response], key: str | None
) -> None:
    answer = post(key)

    assert (answer.status_code, answer.data["detail"].code) == (400, "idempotency_key_required")
    assert not Group.objects.exists()


def test_quotes_are_not_part_of_the_key(post: Callable[..., Response]) -> None:
    assert post("k")["Location"] == post('"k"')["Location"] == post(' "k" ')["Location"]
    assert Group.objects.count() == 1


def test_another_query_string_is_another_request(post: Callable[..., Response]) -> None:
    for path in ("/groups/", "/groups/?dry_run=1", "/groups/?dry_run=0", f"/groups/?{'x' * 999}"):
        assert post(path=path)["Location"] == post(path=path)["Location"]

    assert Group.objects.count() == 4


def test_the_order_of_names_in_the_body_does_not_matter(post: Callable[..., Response]) -> None:
    assert post(a=1, b=2)["Location"] == post(b=2, a=1)["Location"]


def test_multipart_is_415(post: Callable[..., Response]) -> None:
    assert post(kind="multipart", a="1").status_code == 415
    assert post(kind="multipart").status_code == 201  # nothing in it


def test_a_permission_may_read_the_body_first(post: Callable[..., Response]) -> None:
    class Checked(Groups):
        permission_classes = [ReadsTheBody]

    assert [post(view=Checked, a=1).status_code for _ in range(2)] == [201, 201]
    assert Group.objects.count() == 1


def test_a_key_with_another_body_is_refused(post: Callable[..., Response]) -> None:
    post(size=1)

    assert post(size=2).status_code == 422
    assert Group.objects.count() == 1


def test_two_users_may_pick_the_same_key(
    post: Callable[..., Response], django_user_model: type[User]
) -> None:
    post()
    post(user=django_user_model.objects.create(username="other"))

    assert Group.objects.count() == 2


def test_visitors_are_refused_as_they_would_be_given_each_others_answers(db: None) -> None:
    request = APIRequestFactory().post(
        "/groups/", {}, format="json", headers={"Idempotency-Key": "a-key"}
    )

    assert Groups.as_view()(request).status_code in (401, 403)
    assert not Group.objects.exists()


def test_a_crash_after_the_effect_leaves_nothing_so_the_retry_has_one_effect(
    post: Callable[..., Response],
) -> None:
    with pytest.raises(RuntimeError):
        post(then="fail")
    assert not Group.objects.exists()
    assert not StoredAnswer.objects.exists()


def test_a_refused_request_has_no_effect_and_frees_its_key(post: Callable[..., Response]) -> None:
    assert post(answer=409).status_code == 409
    assert not Group.objects.exists()
    assert post(size=2).status_code == 201


@contextlib.contextmanager
def held(row: dict[str, str]) -> Iterator[None]:
    """Meanwhile another transaction has inserted the row."""
    if connection.vendor != "postgresql":
        pytest.fail("this guarantee needs PostgreSQL: set DATABASE_URL")
    holds, release = threading.Event(), threading.Event()

    def twin() -> None:
        with transaction.atomic():
            StoredAnswer.objects.create(**row)
            holds.set()
            release.wait(10)
            transaction.set_rollback(True)
        connection.close()

    thread = threading.Thread(target=twin)
    thread.start()
    holds.wait(10)
    yield
    release.set()
    thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", [Groups, Impatient])
def test_waiting_is_bounded_and_zero_means_at_once(
    post: Callable[..., Response], view: Any
) -> None:
    [user] = User.objects.all()
    row = {"scope": f"{user.pk}:POST:/groups/", "key": "a-key", "fingerprint": "…"}
    with held(row):
        answer = post(view=view)

    assert (answer.status_code, answer.data["detail"].code) == (409, "idempotency_key_in_flight")
    assert not Group.objects.exists()


def test_the_lock_timeout_of_the_operator_is_restored(post: Callable[..., Response]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 2500")

    assert post(view=Impatient).data == "2500ms"


def stored(**ages: timedelta) -> None:
    for key, age in ages.items():
        row = StoredAnswer.objects.create(scope="", key=key)
        StoredAnswer.objects.filter(pk=row.pk).update(created_at=timezone.now() - age)


def test_prune_deletes_older_rows_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BATCH", 2)
    stored(**{f"old{number}": timedelta(days=2) for number in range(5)}, new=timedelta(hours=1))

    assert list(StoredAnswer.objects.prune_batches(timedelta(days=1))) == [2, 2, 1]
    assert StoredAnswer.objects.prune(timezone.now() - timedelta(minutes=1)) == 1


def test_the_command_prunes_and_says_how_many() -> None:
    stored(old=timedelta(days=8), new=timedelta(days=6))
    call_command("prune_idempotency", "--older-than", "7d", stdout=(said := io.StringIO()))

    assert said.getvalue().splitlines() == ["1 rows deleted so far", "1 rows deleted"]
    assert [row.key for row in StoredAnswer.objects.all()] == ["new"]


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "999999999d", ""])
def test_the_command_refuses_a_malformed_age(age: str) -> None:
    with pytest.raises(CommandError, match="is not a duration such as"):
        call_command("prune_idempotency", f"--older-than={age}")


def test_the_admin_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.site", AdminSite())
    from .admin import StoredAnswerAdmin

    page = StoredAnswerAdmin(StoredAnswer, AdminSite())
    request: Any = None
    assert page.has_add_permission(request) is page.has_change_permission(request) is False
    assert page.has_delete_permission(request) is False


@pytest.mark.django_db(transaction=True)
def test_a_check_refuses_repeatable_read() -> None:
    assert isolation_is_read_committed(["default"]) == []
    level = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL"
    with connection.cursor() as cursor:
        cursor.execute(f"{level} REPEATABLE READ")
        try:
            [error] = isolation_is_read_committed(["default"])
        finally:
            cursor.execute(f"{level} READ COMMITTED")

    assert "not repeatable read" in error.msg


@pytest.mark.django_db(transaction=True)
def test_a_database_of_the_first_release_is_upgraded() -> None:
    label = StoredAnswer._meta.app_label
    executor = MigrationExecutor(connection)
    old = executor.migrate([(label, "0001_initial")]).apps.get_model(label, "StoredAnswer")
    old.objects.create(scope="s", key="k", status=201, body="{}")
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes(label))

    assert [row.headers for row in StoredAnswer.objects.all()] == [{}]
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, StoredAnswer._meta.db_table)
    assert f"{label}_one_answer_per_key" in found


def test_it_costs_four_statements_and_a_savepoint(
    post: Callable[..., Response], django_assert_num_queries: Any
) -> None:
    # 4, a savepoint and its release; the view's count and insert; the test's own savepoint
    with django_assert_num_queries(10):
        post()
