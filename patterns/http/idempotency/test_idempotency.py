"""The pattern without the shop: the effect is a row of Django's own Group."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from .decorator import idempotent
from .models import StoredAnswer

pytestmark = pytest.mark.django_db


class Groups(APIView):
    permission_classes: list[type] = []  # visitors come through, to the pattern

    @idempotent(wait_seconds=0.2)
    def post(self, request: Request) -> Response:
        group = Group.objects.create(name=f"group {Group.objects.count()}")
        if request.data.get("then") == "fail":
            raise RuntimeError("after the effect, before the answer")
        return Response({"z": group.pk, "a": group.name}, status=int(request.data.get("answer", 201)))


@pytest.fixture
def post(django_user_model: type[User]) -> Callable[..., Response]:
    someone = django_user_model.objects.create(username="someone")

    def send(key: str | None = "a key", user: User = someone, **body: Any) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        request = APIRequestFactory().post("/groups/", body, format="json", headers=headers)
        force_authenticate(request, user)
        return Groups.as_view()(request).render()

    return send


def test_the_same_key_takes_effect_once_and_answers_alike(post: Callable[..., Response]) -> None:
    first, second = post(), post()

    assert Group.objects.count() == 1
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", [None, "", "k" * 256])
def test_a_missing_or_overlong_key_is_refused(post: Callable[..., Response], key: str | None) -> None:
    assert post(key).status_code == 400
    assert not Group.objects.exists()


def test_a_key_with_another_body_is_refused(post: Callable[..., Response]) -> None:
    post(size=1)

    assert post(size=2).status_code == 422
    assert Group.objects.count() == 1


def test_two_users_may_pick_the_same_key(post: Callable[..., Response], django_user_model: type[User]) -> None:
    post()
    post(user=django_user_model.objects.create(username="other"))

    assert Group.objects.count() == 2


def test_visitors_are_refused_as_they_would_be_given_each_others_answers(db: None) -> None:
    request = APIRequestFactory().post("/groups/", {}, format="json", headers={"Idempotency-Key": "a key"})

    assert Groups.as_view()(request).status_code in (401, 403)
    assert not Group.objects.exists()


def test_a_crash_after_the_effect_leaves_nothing_so_the_retry_has_one_effect(post: Callable[..., Response]) -> None:
    with pytest.raises(RuntimeError):
        post(then="fail")
    assert not Group.objects.exists()
    assert not StoredAnswer.objects.exists()


def test_a_refused_request_has_no_effect_and_frees_its_key(post: Callable[..., Response]) -> None:
    assert post(answer=409).status_code == 409
    assert not Group.objects.exists()
    assert post(size=2).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_twin_is_still_running_is_answered_409(post: Callable[..., Response]) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASE_URL")
    holds, release = threading.Event(), threading.Event()

    def twin() -> None:
        with transaction.atomic():
            user = User.objects.get(username="someone")
            StoredAnswer.objects.create(scope=f"{user.pk}:POST:/groups/", key="a key", fingerprint="…")
            holds.set()
            release.wait(10)
        connection.close()

    thread = threading.Thread(target=twin)
    thread.start()
    holds.wait(10)
    answer = post()
    release.set()
    thread.join()

    assert answer.status_code == 409
    assert not Group.objects.exists()


def test_it_costs_four_statements_and_a_savepoint(post: Callable[..., Response], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(10):  # ours: 4 + savepoint and release; the view's: count and insert; the test's: its own savepoint
        post()
