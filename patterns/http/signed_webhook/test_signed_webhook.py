"""The effect is a row of Django's own Group."""

import hmac
import io
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import models
from .checks import isolation_is_read_committed
from .models import ReceivedEvent
from .receiving import DETAILS, verified_event_id
from .signature import Unverified, sign, verify

NOW = 1_700_000_000
OLD, NEW, STRANGE = (
    "the old secret, still valid",
    "the new secret, in use now",
    "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgd2hpY2g=",
)
BODY = b'{"amount":"14.70"}'


def signed(body: bytes = BODY, **changes: Any) -> dict[str, str]:
    return sign(body, **{"event_id": "evt_1", "now": NOW, "secrets": [NEW]} | changes)


def checked(headers: dict[str, str], body: bytes = BODY, **changes: Any) -> str:
    return verify(
        body, headers, **{"now": NOW, "secrets": [OLD, NEW], "tolerance_seconds": 300} | changes
    )


def refused(headers: dict[str, str], body: bytes = BODY, **changes: Any) -> str:
    with pytest.raises(Unverified) as caught:
        checked(headers, body, **changes)
    return caught.value.reason


def test_it_signs_as_the_specifications_own_libraries_do() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = sign(
        b'{"test": 2432232314}',
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        now=1614265330,
        secrets=[secret],
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_what_was_signed_is_let_through() -> None:
    assert checked(signed()) == "evt_1"


@pytest.mark.parametrize("body", [b'{"amount":"0.01"}', b'{"amount": "14.70"}', b"", BODY + b" "])
def test_another_body_is_refused(body: bytes) -> None:
    assert refused(signed(), body) == "forged"


@pytest.mark.parametrize("change", [{"webhook-id": "evt_2"}, {"webhook-timestamp": str(NOW + 1)}])
def test_id_and_time_are_signed_too(change: dict[str, str]) -> None:
    assert refused(signed() | change) == "forged"


def test_another_secrets_signature_is_refused() -> None:
    assert refused(signed(secrets=[STRANGE])) == "forged"


@pytest.mark.parametrize("secrets", [[OLD], [NEW], [NEW, OLD], [STRANGE, NEW]])
def test_one_matching_pair_of_secret_and_signature_is_enough(secrets: list[str]) -> None:
    assert checked(signed(secrets=secrets)) == "evt_1"


def test_a_secret_that_is_no_longer_valid_opens_nothing() -> None:
    assert refused(signed(secrets=[OLD]), secrets=[NEW]) == "forged"


def test_without_a_secret_nothing_is_let_through() -> None:
    assert refused(signed(), secrets=[]) == "forged"
    assert refused(signed(secrets=[]), secrets=[]) == "forged"


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%%"])
def test_a_short_secret_is_an_error_of_ours(secret: str) -> None:
    with pytest.raises(ValueError):
        signed(secrets=[secret])
    with pytest.raises(ValueError):
        checked(signed(), secrets=[secret])


@pytest.mark.parametrize(
    ("late", "reason"), [(300, None), (301, "stale"), (-300, None), (-301, "stale")]
)
def test_a_call_is_good_for_a_while_around_its_time(late: int, reason: str | None) -> None:
    assert (refused(signed(), now=NOW + late) if reason else checked(signed(), now=NOW + late)) == (
        reason or "evt_1"
    )


@pytest.mark.parametrize(
    ("header", "value"),
    [(name, "") for name in ("webhook-id", "webhook-timestamp")]
    + [("webhook-id", each) for each in ("a.b", "a b", "é", "x" * 201)]
    + [("webhook-timestamp", each) for each in ("now", "-1", "1_0", " 1", "1.0", "٣", "9" * 13)],
)
def test_an_id_or_a_time_that_is_none_is_refused(header: str, value: str) -> None:
    assert refused(signed() | {header: value}) == "unsigned"
    assert refused({name: each for name, each in signed().items() if name != header}) == "unsigned"


@pytest.mark.parametrize("value", ["", "v1", "v1,", "v1,é", "v1a,AAAA", " ", "v1,AAAA " * 50])
def test_a_signature_that_is_none_is_refused(value: str) -> None:
    assert refused(signed() | {"webhook-signature": value}) == "forged"


def test_a_signature_of_another_version_does_not_pass_for_ours() -> None:
    ours = signed()["webhook-signature"]

    assert refused(signed() | {"webhook-signature": ours.removeprefix("v1,")}) == "forged"
    assert refused(signed() | {"webhook-signature": ours.replace("v1,", "v2,")}) == "forged"


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(
        hmac,
        "compare_digest",
        lambda ours, theirs: compared.append((ours, theirs)) or compare(ours, theirs),
    )

    checked(signed(), secrets=[NEW])

    assert [len(ours) for ours, _ in compared] == [len("v1,") + 44]


@pytest.mark.parametrize("event_id", ["", "a.b", "a\nb", "x" * 201])
def test_a_sender_cannot_sign_an_id_that_is_none(event_id: str) -> None:
    with pytest.raises(ValueError):
        signed(event_id=event_id)


class Webhook(APIView):
    authentication_classes: list[type] = []
    permission_classes: list[type] = []

    def post(self, request: Request) -> Response:
        limits = {"tolerance_seconds": 300, "max_bytes": 1000}
        return Response(
            [verified_event_id(request, now=NOW, secrets=[NEW], **limits), request.data]
        )


def post(body: bytes, headers: dict[str, str], **extra: Any) -> Response:
    return Webhook.as_view()(
        APIRequestFactory().post(
            "/", body, content_type="application/json", headers=headers, **extra
        )
    )


def test_a_signed_call_passes_and_its_body_can_be_parsed() -> None:
    answer = post(BODY, signed())

    assert (answer.status_code, answer.data) == (200, ["evt_1", {"amount": "14.70"}])


def test_a_refusal_says_how_to_authenticate() -> None:
    answers = [post(BODY, {}), post(BODY, signed(now=NOW - 3600)), post(b"{}", signed())]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert [str(answer.data["detail"]) for answer in answers] == [
        DETAILS[reason] for reason in ("unsigned", "stale", "forged")
    ]
    assert all(answer["WWW-Authenticate"] for answer in answers)


def test_the_body_is_verified_before_it_is_parsed() -> None:
    assert post(b"{not JSON", {}).status_code == 401
    assert post(b"{not JSON", signed(b"{not JSON")).status_code == 400


def test_a_large_body_is_refused_unread() -> None:
    def unreadable(*_: Any) -> bytes:
        raise AssertionError("was read")

    stream = type("Stream", (), {"read": unreadable, "readline": unreadable})()

    assert post(b"x" * 1000, signed(b"x" * 1000)).status_code == 400  # it fits, and is no JSON
    assert post(b"x" * 1001, signed(b"x" * 1001), **{"wsgi.input": stream}).status_code == 413


def effect() -> str:
    Group.objects.create(name=f"group {Group.objects.count()}")
    return "done"


def once(source: str = "bank", event_id: str = "evt_1", effect: Any = effect) -> tuple[str, bool]:
    return ReceivedEvent.objects.process_once(source=source, event_id=event_id, effect=effect)


@pytest.mark.django_db
def test_an_event_that_comes_again_has_no_second_effect_and_the_same_outcome() -> None:
    assert [once(), once()] == [("done", True), ("done", False)]
    assert Group.objects.count() == 1


@pytest.mark.django_db
def test_another_event_and_another_senders_have_their_own() -> None:
    once()

    assert once(event_id="evt_2") == once(source="post") == ("done", True)
    assert Group.objects.count() == 3


@pytest.mark.django_db
def test_an_effect_that_fails_leaves_the_id_free() -> None:
    def failing() -> str:
        effect()
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        once(effect=failing)
    assert (Group.objects.count(), ReceivedEvent.objects.count()) == (0, 0)
    assert once() == ("done", True)


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_race_one_has_an_effect() -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASES to one")
    outcomes: list[tuple[str, bool]] = []
    together = threading.Barrier(10)

    def one() -> None:
        connection.ensure_connection()
        together.wait(10)
        outcomes.append(once())
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [("done", False)] * 9 + [("done", True)]
    assert Group.objects.count() == 1


@pytest.mark.django_db
def test_it_costs_three_statements_and_a_savepoint(django_assert_num_queries: Any) -> None:
    # look, insert, update, a savepoint and its release; the effect's 2; the test's own savepoint
    with django_assert_num_queries(9):
        once()


def received(*ages: timedelta) -> None:
    for number, age in enumerate(ages):
        row = ReceivedEvent.objects.create(source="bank", event_id=str(number))
        ReceivedEvent.objects.filter(pk=row.pk).update(received_at=timezone.now() - age)


@pytest.mark.django_db
def test_prune_deletes_older_rows_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "BATCH", 2)
    now = timezone.now()
    received(*(timedelta(days=days) for days in (2, 3, 4, 5, 6, 0.5)))

    assert list(ReceivedEvent.objects.prune_batches(timedelta(days=1))) == [2, 2, 1]
    assert ReceivedEvent.objects.prune(now) == 1


@pytest.mark.django_db
def test_the_command_prunes_and_says_how_many() -> None:
    received(timedelta(days=6), timedelta(days=8))
    call_command("prune_signed_webhook", "--older-than", "7d", stdout=(said := io.StringIO()))

    assert said.getvalue().splitlines()[-1] == "1 rows deleted"
    assert ReceivedEvent.objects.count() == 1


@pytest.mark.parametrize("age", ["7", "d", "-1d", "7 days", "999999999d", ""])
def test_the_command_refuses_a_malformed_age(age: str) -> None:
    with pytest.raises(CommandError, match="is not a duration such as"):
        call_command("prune_signed_webhook", f"--older-than={age}")


def test_the_admin_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.admin.sites.site", AdminSite())
    from .admin import ReceivedEventAdmin

    page = ReceivedEventAdmin(ReceivedEvent, AdminSite())
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
    label = ReceivedEvent._meta.app_label
    executor = MigrationExecutor(connection)
    old = executor.migrate([(label, "0001_initial")]).apps.get_model(label, "ReceivedEvent")
    old.objects.create(source="bank", event_id="evt_1", outcome="done")
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes(label))

    assert once() == ("done", False)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, ReceivedEvent._meta.db_table)
    assert f"{label}_one_row_per_event" in found


@pytest.mark.parametrize("length", ["1001", "9" * 5000, "-1", "many"])
def test_a_content_length_beyond_the_limit_is_413(length: str) -> None:
    assert post(BODY, signed(), CONTENT_LENGTH=length).status_code == 413
