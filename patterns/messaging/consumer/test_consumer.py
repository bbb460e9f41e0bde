"""The pattern against a real RabbitMQ (RABBITMQ_URL), in a thread, on queues of its own."""

import contextlib
import dataclasses
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pika
import pytest
from django.db import InterfaceError, OperationalError, connection
from pika.exceptions import ChannelClosedByBroker, UnroutableError

from ..topology import OUTAGE_SINCE, WorkQueue
from . import Hopeless
from .retries import put_aside

consumer = sys.modules[__package__ or ""]


@pytest.fixture
def url() -> str:
    return os.environ.get("RABBITMQ_URL") or pytest.fail(
        "set RABBITMQ_URL=amqp://user:password@host:port/%2F"
    )


@pytest.fixture
def channel(url: str) -> Iterator[Any]:
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()  # a queue that was just declared may lose what is not confirmed
        yield channel


@pytest.fixture
def queue(channel: Any) -> Iterator[WorkQueue]:
    name = f"test.consumer.{secrets.token_hex(4)}"
    queue = WorkQueue(name, f"{name}.events", ["#"], delays_seconds=(0.02, 0.05))
    queue.declare(channel)
    yield queue
    for each in (queue.name, queue.dead, queue.delay(0), queue.delay(1)):
        channel.queue_delete(each)
    channel.exchange_delete(queue.exchange)


class Handler:
    """Notes what it is given; `hook` may raise, or take its time."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.hook: Callable[[str], None] = lambda name: None

    def __call__(self, body: bytes, properties: pika.BasicProperties) -> None:
        self.begun.append(body.decode())
        self.hook(body.decode())
        self.ended.append(body.decode())


@pytest.fixture
def handler() -> Handler:
    return Handler()


Start = Callable[..., threading.Event]


@pytest.fixture
def start(url: str, queue: WorkQueue, handler: Handler) -> Iterator[Start]:
    """Starts the consumer. It ends when the returned event is set; its error is raised here."""
    running: list[tuple[threading.Event, Future[None]]] = []
    with ThreadPoolExecutor() as pool:

        def start_one(queue: WorkQueue = queue, **options: Any) -> threading.Event:
            stop = threading.Event()
            running.append(
                (
                    stop,
                    pool.submit(
                        consumer.run, url, queue, handler, stop=stop, outage_seconds=0.05, **options
                    ),
                )
            )
            return stop

        yield start_one
        for stop, future in running:
            stop.set()
            future.result(10)


def publish(channel: Any, queue: WorkQueue, *names: str, **properties: Any) -> None:
    for name in names:
        channel.basic_publish(
            "", queue.name, name.encode(), pika.BasicProperties(message_id=name, **properties)
        )


def count(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s"
        time.sleep(0.01)


def exists(connect: Callable[[Any], pika.BlockingConnection], queue: str) -> bool:
    with contextlib.closing(connect(pika.URLParameters(os.environ["RABBITMQ_URL"]))) as connection:
        try:
            connection.channel().queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return True


def fail(name: str) -> None:
    if name.startswith("bad"):
        raise ValueError(f"cannot read {name}")
    if name.startswith("hopeless"):
        raise Hopeless(name)


def test_a_handled_message_is_acknowledged(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    publish(channel, queue, "a", "b")
    stop = start()
    wait_until(lambda: handler.ended == ["a", "b"])
    stop.set()
    start()
    publish(channel, queue, "c")

    wait_until(lambda: "c" in handler.ended)
    assert handler.begun == ["a", "b", "c"]


def test_a_failing_message_is_delayed_and_others_are_served(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    handler.hook = fail
    publish(channel, queue, "bad", "good", correlation_id="request-1", headers={"tenant": "a"})
    start()

    wait_until(lambda: count(channel, queue.dead) == 1)
    wait_until(lambda: handler.ended == ["good"])
    assert handler.begun.count("bad") == 3  # two delays
    _, properties, body = channel.basic_get(queue.dead, auto_ack=True)
    assert (body, properties.message_id, properties.correlation_id, properties.delivery_mode) == (
        b"bad",
        "bad",
        "request-1",
        2,
    )
    assert properties.headers["x-reason"] == "ValueError('cannot read bad')"
    assert (properties.headers["x-retries"], properties.headers["tenant"]) == (2, "a")


def test_a_message_that_fails_once_is_handled_after_its_delay(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    def fail_once(name: str) -> None:
        if handler.begun.count(name) == 1:
            raise ValueError

    handler.hook = fail_once
    publish(channel, queue, "a")
    start()

    wait_until(lambda: handler.ended == ["a"])
    assert count(channel, queue.dead) == 0


def test_a_hopeless_message_is_dead_lettered_at_once(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    handler.hook = fail
    publish(channel, queue, "hopeless")
    start()

    wait_until(lambda: count(channel, queue.dead) == 1)
    assert handler.begun == ["hopeless"]


@pytest.mark.parametrize("retries", ["many", -5, None, 10**9])
def test_a_malformed_retries_header_breaks_nothing(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, retries: Any
) -> None:
    handler.hook = fail
    publish(channel, queue, "bad", headers={"x-retries": retries})
    start()

    wait_until(lambda: count(channel, queue.dead) == 1)


def test_a_message_that_cannot_be_delayed_is_not_acknowledged(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    """Its delay queue is missing once; the consumer reconnects, and declares it again."""

    def delete_its_delay(name: str) -> None:
        if len(handler.begun) == 1:
            connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
            connection.channel().queue_delete(queue.delay(0))
            connection.close()
            raise ValueError

    handler.hook = delete_its_delay
    publish(channel, queue, "a")
    start()

    wait_until(lambda: handler.ended == ["a"])


def test_a_handler_slower_than_the_heartbeat_runs_once(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    handler.hook = lambda name: time.sleep(4)  # the broker closes after two missed heartbeats
    publish(channel, queue, "a")
    start(heartbeat_seconds=1)

    wait_until(lambda: handler.ended == ["a"])
    handler.hook = lambda name: None
    publish(channel, queue, "b")
    wait_until(lambda: "b" in handler.ended)
    assert handler.begun == ["a", "b"]


def test_a_stop_lets_the_handler_finish_and_starts_no_other(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    go_on = threading.Event()
    handler.hook = lambda name: go_on.wait(10) and None
    publish(channel, queue, "a", "b")
    stop = start()
    wait_until(lambda: handler.begun == ["a"])
    assert count(channel, queue.name) == 1  # for another consumer to take: nothing is prefetched
    stop.set()
    go_on.set()

    wait_until(lambda: channel.queue_declare(queue.name, passive=True).method.consumer_count == 0)
    assert (handler.begun, handler.ended) == (["a"], ["a"])
    assert count(channel, queue.name) == 1


def test_a_handler_that_raises_after_the_stop_costs_no_retry(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    go_on = threading.Event()

    def give_up(name: str) -> None:
        go_on.wait(10)
        raise ValueError

    handler.hook = give_up
    publish(channel, queue, "a")
    stop = start()
    wait_until(lambda: handler.begun == ["a"])
    stop.set()
    go_on.set()

    wait_until(lambda: count(channel, queue.name) == 1)
    assert "x-retries" not in channel.basic_get(queue.name)[1].headers


def test_outages_and_a_deleted_queue_are_survived(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, tries = pika.BlockingConnection, []

    def refuse_twice(parameters: Any) -> pika.BlockingConnection:
        tries.append(parameters)
        if len(tries) < 3:
            raise pika.exceptions.AMQPConnectionError
        return connect(parameters)

    monkeypatch.setattr(consumer.pika, "BlockingConnection", refuse_twice)
    publish(channel, queue, "a")
    start()
    wait_until(lambda: handler.ended == ["a"])
    channel.queue_delete(queue.name)
    wait_until(lambda: len(tries) == 4)
    wait_until(lambda: exists(connect, queue.name))
    publish(channel, queue, "b")

    wait_until(lambda: handler.ended == ["a", "b"])


@pytest.mark.django_db(transaction=True)
def test_a_restart_of_the_database_costs_at_most_one_retry(
    channel: Any,
    queue: WorkQueue,
    handler: Handler,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The handler's connection is in autocommit, and persistent: nothing else would close it."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)

    def query(name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backends.append(cursor.fetchone()[0])

    backends: list[int] = []
    handler.hook = query
    start()
    publish(channel, queue, "a")
    wait_until(lambda: handler.ended == ["a"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backends[0]])
    publish(channel, queue, "b", "c", "d")

    wait_until(lambda: len(handler.ended) == 4)
    assert count(channel, queue.dead) == 0
    assert len(handler.begun) <= 5


@pytest.mark.parametrize("text", ["\ud800 is a lone surrogate", "two\nlines", "заказ " * 100])
def test_any_error_text_becomes_a_reason(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, text: str
) -> None:
    def fail_with_text(name: str) -> None:
        raise Hopeless(text)

    handler.hook = fail_with_text
    publish(channel, queue, "bad")
    start()

    wait_until(lambda: count(channel, queue.dead) == 1)
    _, properties, _ = channel.basic_get(queue.dead, auto_ack=True)
    assert properties.headers["x-reason"] == repr(Hopeless(text))[:200]


def test_an_outage_is_logged_once(
    queue: WorkQueue, handler: Handler, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    stop, tries = threading.Event(), []

    def refuse(parameters: Any) -> None:
        tries.append(parameters)
        if len(tries) == 20:
            stop.set()
        raise pika.exceptions.AMQPConnectionError("refused")

    monkeypatch.setattr(consumer.pika, "BlockingConnection", refuse)
    consumer.run("amqp://localhost", queue, handler, stop=stop, outage_seconds=0)

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, ConnectionResetError])
def test_tries_during_an_outage_of_the_infrastructure_do_not_count(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, error: type[Exception]
) -> None:
    def away(name: str) -> None:
        if name == "first" and handler.begun.count(name) <= 6:  # more than there are delays
            raise error("away")

    handler.hook = away
    start()
    publish(channel, queue, "first", "second")

    wait_until(lambda: handler.ended.count("first") == 1)
    assert handler.ended[0] == "second"  # served meanwhile
    assert count(channel, queue.dead) == 0


def test_an_error_after_an_outage_counts_from_zero(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    def away_then_wrong(name: str) -> None:
        raise OperationalError if handler.begun.count(name) <= 4 else ValueError("wrong")

    handler.hook = away_then_wrong
    start()
    publish(channel, queue, "first")

    wait_until(lambda: count(channel, queue.dead) == 1)
    assert len(handler.begun) == 4 + 3
    _, properties, _ = channel.basic_get(queue.dead)
    assert (properties.headers["x-retries"], properties.headers["x-reason"]) == (
        2,
        "ValueError('wrong')",
    )


def test_an_outage_longer_than_its_limit_counts(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start
) -> None:
    def away(name: str) -> None:
        raise OperationalError("away")

    handler.hook = away
    start(dataclasses.replace(queue, outage_limit_seconds=0))
    publish(channel, queue, "first")

    wait_until(lambda: count(channel, queue.dead) == 1)
    assert len(handler.begun) == 3


def test_the_limit_of_an_outage_is_not_begun_again_by_a_try_that_counts(
    channel: Any, queue: WorkQueue
) -> None:
    since = int(time.time()) - 100
    given = pika.BasicProperties(message_id="first", headers={OUTAGE_SINCE: since, "x-retries": 0})
    put_aside(
        channel,
        dataclasses.replace(queue, outage_limit_seconds=50),
        b"first",
        given,
        OperationalError("the connection is lost"),
    )

    wait_until(lambda: count(channel, queue.name) == 1)
    _, properties, _ = channel.basic_get(queue.name)
    assert (properties.headers[OUTAGE_SINCE], properties.headers["x-retries"]) == (since, 1)


@pytest.mark.parametrize(
    "properties",
    [
        {"expiration": "100"},
        {"user_id": "guest-that-was"},
        {"reply_to": "amq.rabbitmq.reply-to"},
        {"headers": {"CC": ["elsewhere"], "BCC": ["elsewhere"]}},
        {"priority": 9, "delivery_mode": 1},
    ],
    ids=str,
)
def test_a_dead_letter_has_no_property_that_the_broker_acts_on(
    channel: Any, queue: WorkQueue, properties: dict[str, Any]
) -> None:
    given = pika.BasicProperties(message_id="first", type="order", app_id="shop", **properties)
    put_aside(channel, queue, b"first", given, Hopeless("no"))
    time.sleep(0.2)

    _, kept, body = channel.basic_get(queue.dead)
    assert (body, kept.message_id, kept.type, kept.app_id) == (b"first", "first", "order", "shop")
    assert (kept.expiration, kept.user_id, kept.reply_to, kept.priority) == (None,) * 4
    assert kept.delivery_mode == 2
    assert {"CC", "BCC"} & set(kept.headers) == set()


def nested(levels: int) -> bytes:
    """A table in a table in a table."""
    value = b"V"
    for _ in range(levels):
        value = b"F" + (len(value) + 2).to_bytes(4, "big") + b"\x01a" + value
    return value


# what pika cannot decode: milliseconds where AMQP has seconds, and what exceeds the stack
UNREADABLE = {"milliseconds": b"T" + (1796017368000).to_bytes(8, "big"), "nested": nested(3_000)}


class RawHeader(pika.BasicProperties):
    """Headers with one field of these bytes."""

    raw = b""

    def encode(self) -> list[bytes]:
        table = b"\x07sent-at" + self.raw
        flags = self.FLAG_HEADERS.to_bytes(2, "big")
        return [flags, len(table).to_bytes(4, "big"), table]


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_a_message_that_cannot_be_decoded_is_dead_lettered_and_the_next_is_served(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, raw: bytes
) -> None:
    properties = RawHeader()
    properties.raw = raw
    channel.basic_publish("", queue.name, b"first", properties)
    publish(channel, queue, "second")
    start()

    wait_until(lambda: handler.ended == ["second"])
    wait_until(lambda: count(channel, queue.dead) == 1)


def test_a_binding_and_an_exchange_that_are_removed_come_back(
    channel: Any, queue: WorkQueue, handler: Handler, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "DECLARED_SECONDS", 0.3)
    start()
    publish(channel, queue, "first")
    wait_until(lambda: handler.ended == ["first"])
    channel.exchange_delete(queue.exchange)

    def is_bound() -> bool:
        another = channel.connection.channel()
        another.confirm_delivery()
        try:
            another.basic_publish(queue.exchange, "any", b"second", mandatory=True)
        except (UnroutableError, ChannelClosedByBroker):
            return False
        return True

    wait_until(is_bound)
    wait_until(lambda: handler.ended == ["first", "second"])


def test_a_queue_with_other_arguments_is_no_outage_that_looks_healthy(
    queue: WorkQueue, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[int] = []
    start(dataclasses.replace(queue, delivery_limit=7), on_turn=lambda: turns.append(1))

    wait_until(lambda: "inequivalent arg 'x-delivery-limit'" in caplog.text)
    time.sleep(0.3)
    assert len(turns) == 1
