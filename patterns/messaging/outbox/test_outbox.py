"""The pattern without a shop and without a broker: what the relay publishes to is an argument, here a list."""

import json
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from . import relay
from .models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)


class Refused(Exception): ...


class Away(Exception): ...


class Broker(list[str]):
    """Takes events, by their routing key, unless it is told to refuse one or to be away."""

    refuses = ""
    is_away = False

    def publish(self, routing_key: str, body: bytes, event_id: str) -> None:
        if self.is_away:
            raise Away("nobody there")
        if routing_key == self.refuses:
            raise Refused("no queue")
        self.append(routing_key)


@pytest.fixture
def broker() -> Broker:
    return Broker()


def append(*routing_keys: str, aggregate: str = "") -> None:
    """Appends events; without an aggregate each has its own."""
    with transaction.atomic():
        for key in routing_keys:
            OutboxEvent.objects.append(event_id=uuid.uuid4(), aggregate=aggregate or key, routing_key=key, payload={"key": key})


def step(publish: relay.Publish, **options: Any) -> relay.Batch:
    return relay.run_once(publish, refused=Refused, away=Away, **options)


def waiting() -> list[str]:
    return list(OutboxEvent.objects.waiting().order_by("pk").values_list("routing_key", flat=True))


def test_an_event_of_a_rolled_back_change_is_never_published(broker: Broker) -> None:
    with transaction.atomic():
        append("ghost")
        transaction.set_rollback(True)

    assert step(broker.publish) == relay.Batch()
    assert broker == []


def test_an_event_outside_of_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        OutboxEvent.objects.append(event_id=uuid.uuid4(), aggregate="a", routing_key="a", payload={})


def test_an_event_is_published_once_with_its_body_and_id() -> None:
    append("a")
    sent: list[tuple[str, bytes, str]] = []

    steps = [step(lambda *message: sent.append(message)) for _ in range(2)]

    [event] = OutboxEvent.objects.all()
    assert sent == [("a", json.dumps({"key": "a"}).encode(), str(event.event_id))]
    assert [each.published for each in steps] == [1, 0]


def test_during_an_outage_events_are_kept_and_the_step_says_why(broker: Broker) -> None:
    append("a", "b")
    broker.is_away = True

    assert step(broker.publish) == relay.Batch(outage="nobody there")
    assert waiting() == ["a", "b"]


def test_what_was_published_before_an_outage_is_marked(broker: Broker) -> None:
    append("a", "b")

    def one_then_away(*message: Any) -> None:
        broker.is_away = bool(broker)
        broker.publish(*message)

    assert step(one_then_away) == relay.Batch(published=1, outage="nobody there")
    assert waiting() == ["b"]


def test_a_relay_killed_between_publish_and_mark_publishes_again_under_the_same_id() -> None:
    append("a")
    ids: list[str] = []

    def publish_and_die(routing_key: str, body: bytes, event_id: str) -> None:
        ids.append(event_id)
        raise SystemExit

    with pytest.raises(SystemExit):
        step(publish_and_die)
    assert waiting() == ["a"]
    step(lambda routing_key, body, event_id: ids.append(event_id))

    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert waiting() == []


def test_a_refused_event_holds_back_its_own_aggregate_only(broker: Broker) -> None:
    append("first", "second", aggregate="a")
    append("other")
    broker.refuses = "first"

    batches = [step(broker.publish) for _ in range(2)]

    assert batches[0] == relay.Batch(published=1, refused=1)
    assert broker == ["other"]
    assert waiting() == ["first", "second"]
    assert OutboxEvent.objects.get(routing_key="first").refusal == "no queue"


def test_what_a_publisher_says_afterwards_counts_like_what_it_says_at_once(broker: Broker) -> None:
    append("good", "late")
    late = str(OutboxEvent.objects.get(routing_key="late").event_id)

    assert step(broker.publish, confirm=lambda: {late: "no queue"}) == relay.Batch(published=1, refused=1)
    assert waiting() == ["late"]
    assert OutboxEvent.objects.get(routing_key="late").refusal == "no queue"


def test_a_batch_of_which_nothing_is_known_is_kept(broker: Broker) -> None:
    append("a", "b")

    def unknown() -> dict[str, str]:
        raise Away("the connection broke")

    assert step(broker.publish, confirm=unknown) == relay.Batch(outage="the connection broke")
    assert waiting() == ["a", "b"]


def test_refused_events_do_not_fill_the_batch_of_others(broker: Broker) -> None:
    append("refused", aggregate="a")
    append("refused", aggregate="b")
    append("good")
    broker.refuses = "refused"

    for _ in range(2):
        step(broker.publish, batch_size=2)

    assert broker == ["good"]


def test_a_refused_event_is_tried_again_later_and_its_followers_after_it(broker: Broker) -> None:
    append("first", "second", aggregate="a")
    broker.refuses = "first"
    step(broker.publish)
    broker.refuses = ""

    def later() -> Any:
        return timezone.now() + timedelta(seconds=relay.REFUSAL_CAP_SECONDS)

    while step(broker.publish, now=later).published:
        pass

    assert broker == ["first", "second"]


def test_two_relays_publish_no_event_twice_and_keep_each_aggregates_order(broker: Broker) -> None:
    only_on_postgresql()
    append("a1", "a2", aggregate="a")
    append("b1", "b2", aggregate="b")

    def while_the_other_runs(*message: Any) -> None:
        """The first relay has a1 in hand while the second does all that it may."""
        other = in_thread(lambda: [step(broker.publish) for _ in range(3)])
        other.join(10)
        assert not other.is_alive(), "the second relay waits for the first"
        broker.publish(*message)

    step(while_the_other_runs, batch_size=1)
    assert broker == ["b1", "b2", "a1"]
    step(broker.publish)

    assert broker == ["b1", "b2", "a1", "a2"]


def test_the_loop_survives_outages_of_broker_and_database_by_itself(broker: Broker) -> None:
    append("a")
    stop, failures = threading.Event(), [Away(), Away("nobody there"), OperationalError("the server closed the connection")]

    def failing_at_first(*message: Any) -> None:
        if failures:
            raise failures.pop()
        broker.publish(*message)

    def rest(seconds: float) -> None:
        assert broker == ["a"]  # it rests when nothing waits, not before
        stop.set()

    relay.run(failing_at_first, refused=Refused, away=Away, stop=stop, rest=rest, outage_cap_seconds=0.01)

    assert (broker, failures) == (["a"], [])


@pytest.mark.parametrize("failures", [0, 3, 50, 10_000])
def test_waiting_times_are_bounded_and_differ(failures: int) -> None:
    waits = {relay.backoff_seconds(failures, 2) for _ in range(20)}

    assert 0.1 <= min(waits) <= max(waits) <= 2
    assert len(waits) > 1


def test_a_batch_costs_two_statements_and_a_transaction(broker: Broker, django_assert_num_queries: Any) -> None:
    only_on_postgresql()
    append(*(f"event-{number}" for number in range(50)))

    with django_assert_num_queries(4):  # BEGIN, SELECT, UPDATE, COMMIT
        step(broker.publish)


def only_on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.fail("this promise is PostgreSQL's: set DATABASE_URL")


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def with_its_own_connection() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=with_its_own_connection)
    thread.start()
    return thread
