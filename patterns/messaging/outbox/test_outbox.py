"""The pattern without a shop and without a broker: what the relay publishes to is a list."""

import importlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as project
from django.contrib.admin import AdminSite
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ..publisher import BrokerUnavailable, MessageRefused
from . import relay
from .models import Backlog, OutboxEvent
from .relay import Batch, Relay

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])
# a second alias: another connection to the test database
MIRROR = {
    **connection.settings_dict,
    "TEST": {**connection.settings_dict["TEST"], "MIRROR": "default"},
}
connections.databases.setdefault("other", MIRROR)
TABLE = OutboxEvent._meta.db_table


class Broker(list[str]):
    """Takes events, by their routing key, unless it is told to refuse one or to be unavailable."""

    refuses = ""
    raises: Exception = MessageRefused("no queue")
    is_unavailable = False

    def publish(self, routing_key: str, body: bytes, event_id: str) -> None:
        if self.is_unavailable:
            raise BrokerUnavailable("connection refused")
        if routing_key == self.refuses:
            raise self.raises
        self.append(routing_key)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def other() -> Iterator[str]:
    yield "other"
    connections["other"].close()


def append(*routing_keys: str, aggregate: str = "", payload: Any = None) -> None:
    """Appends events; without an aggregate each has its own."""
    with transaction.atomic():
        for key in routing_keys:
            OutboxEvent.objects.append(
                aggregate=aggregate or key, routing_key=key, payload=payload or {"key": key}
            )


def waiting() -> list[str]:
    return list(OutboxEvent.objects.waiting().order_by("pk").values_list("routing_key", flat=True))


def later() -> datetime:
    return timezone.now() + timedelta(seconds=relay.REFUSAL_CAP_SECONDS)


# --- storing ------------------------------------------------------------------------------


def test_an_event_of_a_rolled_back_transaction_is_never_published(broker: Broker) -> None:
    with transaction.atomic():
        append("ghost")
        transaction.set_rollback(True)

    assert Relay(broker.publish).run_once() == Batch(is_last=True)
    assert broker == []


def test_append_outside_a_transaction_raises() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        OutboxEvent.objects.append(aggregate="a", routing_key="a", payload={})


def test_append_needs_a_transaction_of_its_own_database(other: str) -> None:
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        OutboxEvent.objects.using(other).append(aggregate="a", routing_key="a", payload={})


def test_a_payload_may_hold_datetime_decimal_and_uuid() -> None:
    noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
    append("a", payload={"at": noon, "total": Decimal("9.90"), "id": uuid.UUID(int=1)})
    sent: list[bytes] = []
    Relay(lambda routing_key, body, event_id: sent.append(body)).run_once()

    assert json.loads(sent[0]) == {
        "at": "2026-11-30T12:00:00Z",
        "total": "9.90",
        "id": str(uuid.UUID(int=1)),
    }


def test_an_event_id_may_be_given() -> None:
    event_id = uuid.uuid4()
    with transaction.atomic():
        OutboxEvent.objects.append(event_id=event_id, aggregate="a", routing_key="a", payload={})

    assert OutboxEvent.objects.get().event_id == event_id


# --- publishing ---------------------------------------------------------------------------


def test_an_event_is_published_once_with_its_body_and_id() -> None:
    append("a")
    sent: list[tuple[str, bytes, str]] = []
    tried = Relay(lambda *message: sent.append(message))
    batches = [tried.run_once() for _ in range(2)]

    [event] = OutboxEvent.objects.all()
    assert sent == [("a", json.dumps({"key": "a"}).encode(), str(event.event_id))]
    assert [each.published for each in batches] == [1, 0]


def test_during_an_outage_events_are_kept_and_the_step_says_why(broker: Broker) -> None:
    append("a", "b")
    broker.is_unavailable = True

    assert Relay(broker.publish).run_once() == Batch(outage="connection refused")
    assert waiting() == ["a", "b"]


def test_an_outage_without_a_text_is_an_outage() -> None:
    append("a")

    def publish(*message: Any) -> None:
        raise BrokerUnavailable

    assert Relay(publish).run_once().outage == "BrokerUnavailable()"


def test_events_published_before_an_outage_are_marked(broker: Broker) -> None:
    append("a", "b")

    def one_then_none(*message: Any) -> None:
        broker.is_unavailable = bool(broker)
        broker.publish(*message)

    assert Relay(one_then_none).run_once() == Batch(published=1, outage="connection refused")
    assert waiting() == ["b"]


def test_a_relay_killed_before_the_mark_publishes_again_under_the_same_id() -> None:
    append("a")
    ids: list[str] = []

    def publish_and_die(routing_key: str, body: bytes, event_id: str) -> None:
        ids.append(event_id)
        raise SystemExit

    with pytest.raises(SystemExit):
        Relay(publish_and_die).run_once()
    assert waiting() == ["a"]
    Relay(lambda routing_key, body, event_id: ids.append(event_id)).run_once()

    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert waiting() == []


def test_a_batch_holds_many_events_of_one_aggregate_in_order(broker: Broker) -> None:
    append(*(str(number) for number in range(25)), aggregate="hot")
    tried = Relay(broker.publish, batch_size=10)
    batches = [tried.run_once() for _ in range(6)]

    assert broker == [str(number) for number in range(25)]
    assert sum(batch.published for batch in batches) == 25


def test_a_hot_aggregate_does_not_hold_up_others(broker: Broker) -> None:
    append(*["hot"] * 50, aggregate="a")
    append("other", aggregate="b")
    tried = Relay(broker.publish, batch_size=10)
    for _ in range(2):
        tried.run_once()

    assert broker == [*["hot"] * 10, "other"]


def test_an_empty_aggregate_is_an_aggregate(broker: Broker) -> None:
    with transaction.atomic():
        OutboxEvent.objects.append(aggregate="", routing_key="a", payload={})
    Relay(broker.publish).run_once()

    assert broker == ["a"]


# --- refusals -----------------------------------------------------------------------------


def test_a_refused_event_delays_only_its_own_aggregate(broker: Broker) -> None:
    append("first", "second", aggregate="a")
    append("other")
    broker.refuses = "first"
    tried = Relay(broker.publish)
    now = timezone.now()
    batches = [tried.run_once(now=now) for _ in range(2)]

    assert batches == [Batch(published=1, refused=1, is_last=True), Batch(is_last=True)]
    assert broker == ["other"]
    assert waiting() == ["first", "second"]
    assert OutboxEvent.objects.get(routing_key="first").refusal == "no queue"


@pytest.mark.parametrize(
    "error",
    [ValueError("\x00 and \ud800"), UnicodeDecodeError("utf-8", b"x", 0, 1, "?"), Exception()],
)
def test_any_error_of_one_event_stops_no_other(broker: Broker, error: Exception) -> None:
    append("bad", "behind", aggregate="a")
    append("good")
    broker.refuses, broker.raises = "bad", error

    assert Relay(broker.publish).run_once() == Batch(published=1, refused=1, is_last=True)
    assert broker == ["good"]
    bad = OutboxEvent.objects.get(routing_key="bad")
    assert bad.refusal == repr(error)
    assert bad.retry_at is not None


def test_a_payload_that_python_cannot_decode_is_published(broker: Broker) -> None:
    append("a")
    number = "9" * 5_000  # int() takes 4,300 digits
    run_sql("UPDATE {table} SET payload = %s", f'{{"n": {number}}}')
    Relay(broker.publish).run_once()

    assert broker == ["a"]


def test_refused_events_do_not_fill_the_batches_of_others(broker: Broker) -> None:
    append("refused", aggregate="a")
    append("refused", aggregate="b")
    append("good")
    broker.refuses = "refused"
    tried = Relay(broker.publish, batch_size=2)
    for _ in range(2):
        tried.run_once()

    assert broker == ["good"]


def test_a_refused_event_is_retried_and_its_followers_come_after_it(broker: Broker) -> None:
    append("first", "second", aggregate="a")
    broker.refuses = "first"
    tried = Relay(broker.publish)
    tried.run_once()
    broker.refuses = ""
    tried.run_once(now=later())

    assert broker == ["first", "second"]


def test_an_event_refused_a_hundred_times_is_retried_within_30_seconds(broker: Broker) -> None:
    append("a")
    OutboxEvent.objects.update(refusals=100)
    broker.refuses = "a"
    tried = Relay(broker.publish)
    now = timezone.now()
    tried.run_once(now=now)
    broker.refuses = ""
    tried.run_once(now=now + timedelta(seconds=30))

    assert broker == ["a"]


def test_refusals_are_logged_once_per_reason(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    append(*["refused"] * 20)
    for number in range(20):
        append("refused", aggregate=str(number))
    broker.refuses = "refused"
    tried = Relay(broker.publish)
    for _ in range(10):
        tried.run_once(now=later())
    broker.raises = MessageRefused("queue is full")
    tried.run_once(now=later() + timedelta(hours=1))

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "21 refused events are kept" in caplog.text
    assert ["no queue" in caplog.messages[0], "queue is full" in caplog.messages[1]] == [True, True]


# --- relays side by side ------------------------------------------------------------------


def test_two_relays_publish_no_event_twice_and_keep_the_order(broker: Broker) -> None:
    only_on_postgresql()
    append("a1", "a2", aggregate="a")
    append("b1", "b2", aggregate="b")

    def while_the_other_runs(*message: Any) -> None:
        """The first relay has a1 in hand while the second does all that it may."""
        in_thread(lambda: [Relay(broker.publish).run_once() for _ in range(3)])
        broker.publish(*message)

    Relay(while_the_other_runs, batch_size=1).run_once()
    assert broker == ["b1", "b2", "a1"]
    Relay(broker.publish).run_once()

    assert broker == ["b1", "b2", "a1", "a2"]


def test_an_event_that_commits_late_makes_no_duplicates_of_those_in_hand(broker: Broker) -> None:
    """Two transactions wrote one aggregate at once: the lower id appears while a2 is in hand."""
    only_on_postgresql()
    append("a1", "a2", aggregate="a")
    late = OutboxEvent.objects.get(routing_key="a1")
    late.delete()

    def while_the_other_runs(*message: Any) -> None:
        late.save(force_insert=True)
        in_thread(lambda: [Relay(broker.publish).run_once() for _ in range(3)])
        broker.publish(*message)

    Relay(while_the_other_runs).run_once()
    Relay(broker.publish).run_once()

    assert sorted(broker) == ["a1", "a2"]


# --- the loop -----------------------------------------------------------------------------


def test_the_loop_survives_outages_and_logs_each_once(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    append("a")
    stop, refused = threading.Event(), BrokerUnavailable("connection refused")
    failures = [OperationalError("the server closed the connection"), *[refused] * 8]
    caplog.set_level(logging.INFO)

    def failing_at_first(*message: Any) -> None:
        if failures:
            raise failures.pop()
        broker.publish(*message)

    def rest(seconds: float) -> None:
        assert broker == ["a"]  # it rests when nothing waits, not before
        stop.set()

    Relay(failing_at_first).run(stop=stop, rest=rest, outage_cap_seconds=0.01)

    assert (broker, failures) == (["a"], [])
    assert [record.levelname for record in caplog.records if record.name == relay.__name__] == [
        "WARNING",
        "WARNING",
        "INFO",
        "INFO",
    ]
    assert "the outage is over after 9 tries" in caplog.text


@pytest.mark.parametrize("failures", [0, 3, 50, 10_000])
def test_pauses_are_bounded_and_have_jitter(failures: int) -> None:
    pauses = {relay.backoff_seconds(failures, 2) for _ in range(20)}

    assert 0.1 <= min(pauses) <= max(pauses) <= 2
    assert len(pauses) > 1


# --- cost ---------------------------------------------------------------------------------


def test_a_batch_costs_three_statements_and_a_transaction(
    broker: Broker, django_assert_num_queries: Any
) -> None:
    only_on_postgresql()
    append(*(f"event-{number}" for number in range(50)))

    with django_assert_num_queries(5):  # BEGIN, SELECT, SELECT FOR UPDATE, UPDATE, COMMIT
        Relay(broker.publish).run_once()


@pytest.mark.parametrize("is_waiting", [False, True])
def test_the_plan_is_an_index_scan_whatever_the_statistics_say(
    broker: Broker, is_waiting: bool
) -> None:
    only_on_postgresql()
    columns = (
        "event_id, aggregate, routing_key, payload, created_at, published_at, refusals, refusal"
    )
    run_sql(
        f"INSERT INTO {{table}} ({columns})"  # noqa: S608
        " SELECT gen_random_uuid(), 'a', 'a', '{{}}', now(),"
        " CASE WHEN %s THEN NULL ELSE now() END, 0, '' FROM generate_series(1, 20000)",
        is_waiting,
    )
    run_sql("ANALYZE {table}")  # and then the opposite comes true
    run_sql("UPDATE {table} SET published_at = CASE WHEN published_at IS NULL THEN now() END")
    with CaptureQueriesContext(connection) as captured:
        OutboxEvent.objects.page_after("", 100)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {captured[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    [index] = OutboxEvent._meta.indexes
    assert f"using {index.name}" in plan
    assert "Sort" not in plan


def test_another_database_is_published_from_and_no_query_leaves_it(
    broker: Broker, other: str
) -> None:
    with CaptureQueriesContext(connection) as elsewhere:
        with transaction.atomic(using=other):
            OutboxEvent.objects.using(other).append(aggregate="a", routing_key="a", payload={})
            OutboxEvent.objects.using(other).append(aggregate="b", routing_key="bad", payload={})
        broker.refuses = "bad"
        batch = Relay(broker.publish, using=other).run_once()
        OutboxEvent.objects.using(other).prune(timezone.now())

    assert (batch.published, batch.refused, broker) == (1, 1, ["a"])
    assert OutboxEvent.objects.using(other).backlog().count == 1
    assert [query["sql"] for query in elsewhere] == []


# --- operation ----------------------------------------------------------------------------


def test_the_backlog_has_a_count_and_an_age(broker: Broker) -> None:
    assert OutboxEvent.objects.backlog() == Backlog(0, timedelta(0))
    append("a", "b")
    OutboxEvent.objects.filter(routing_key="a").update(
        created_at=timezone.now() - timedelta(minutes=5)
    )

    found = OutboxEvent.objects.backlog()
    assert found.count == 2
    assert timedelta(minutes=5) <= found.age < timedelta(minutes=6)


def test_prune_deletes_old_published_events_in_batches_and_keeps_the_rest(broker: Broker) -> None:
    append(*(f"old-{number}" for number in range(25)), "new")
    Relay(broker.publish).run_once()
    append("waiting")
    week_ago = timezone.now() - timedelta(days=7)
    OutboxEvent.objects.exclude(routing_key="new").exclude(published_at=None).update(
        published_at=week_ago
    )
    OutboxEvent.objects.filter(routing_key="waiting").update(created_at=week_ago)

    assert list(OutboxEvent.objects.prune_in_batches(timedelta(days=6), batch_size=10)) == [
        10,
        10,
        5,
    ]
    assert OutboxEvent.objects.prune(week_ago) == 0
    assert sorted(OutboxEvent.objects.values_list("routing_key", flat=True)) == ["new", "waiting"]


def test_the_prune_command_reports_and_refuses_nonsense(
    broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    append("a")
    Relay(broker.publish).run_once()
    OutboxEvent.objects.update(published_at=timezone.now() - timedelta(days=8))
    call_command("prune_outbox", "--older-than", "7d")

    assert capsys.readouterr().out == "deleted 1 events\n"
    with pytest.raises(CommandError, match="'a week' is not a duration such as 7d"):
        call_command("prune_outbox", "--older-than", "a week")


def test_the_relay_command_names_the_missing_setting(settings: Any) -> None:
    settings.RABBITMQ_URL = ""

    with pytest.raises(CommandError, match="RABBITMQ_URL is not set"):
        call_command("relay_outbox")


def test_the_admin_is_read_only() -> None:
    installed = [*dict.fromkeys([*project.INSTALLED_APPS, "django.contrib.admin"])]
    with override_settings(INSTALLED_APPS=installed):
        module = importlib.import_module(f"{__package__}.admin")
        admin = module.OutboxEventAdmin(OutboxEvent, AdminSite())

        assert admin.check() == []
        assert not any(
            may(None)
            for may in (
                admin.has_add_permission,
                admin.has_change_permission,
                admin.has_delete_permission,
            )
        )


def test_a_database_of_the_first_version_is_upgraded() -> None:
    label = apps.get_containing_app_config(__name__).label  # type: ignore[union-attr]
    try:
        MigrationExecutor(connection).migrate([(label, "0001_initial")])
        append("a")
    finally:
        MigrationExecutor(connection).migrate([(label, "0002_due")])

    assert waiting() == ["a"]
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, TABLE)
    assert f"{label}_due" in names
    assert not {"outbox_waiting", "outbox_aggregate"} & names.keys()


def run_sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=connection.ops.quote_name(TABLE)), values or None)


def only_on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASES to one")


def in_thread(work: Callable[[], object]) -> None:
    """Runs it to its end on a connection of its own."""

    def with_its_own_connection() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=with_its_own_connection)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for the caller"
