"""The pattern against a real RabbitMQ (RABBITMQ_URL): on queues of its own, removed at the end."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from . import WorkQueue
from .migration import NOT_FOUND, StillConsumed, migrate_work_queue, refusal


@pytest.fixture
def connection() -> Iterator[pika.BlockingConnection]:
    url = os.environ.get("RABBITMQ_URL") or pytest.fail(
        "set RABBITMQ_URL=amqp://user:password@host:port/%2F"
    )
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        yield connection


@pytest.fixture
def queue(connection: pika.BlockingConnection) -> Iterator[WorkQueue]:
    name = f"test.topology.{secrets.token_hex(4)}"
    queue = WorkQueue(
        name, f"{name}.events", ["order.*"], delivery_limit=2, delays_seconds=(0.05, 60)
    )
    queue.declare(connection.channel())
    yield queue
    with contextlib.closing(connection.channel()) as channel:
        for each in queue.queues():
            channel.queue_delete(each)
        channel.exchange_delete(queue.exchange)


def get(channel: Any, queue: str) -> tuple[Any, Any, bytes]:
    """The next message, for which the broker may need a moment."""
    deadline = time.monotonic() + 10
    while (message := channel.basic_get(queue))[0] is None:
        assert time.monotonic() < deadline, f"nothing in {queue}"
        time.sleep(0.01)
    return message


def deliver_and_die(connection: pika.BlockingConnection, queue: str) -> None:
    """A consumer that is killed with the message in hand."""
    channel = connection.channel()
    get(channel, queue)
    channel.close()


def test_a_second_declaration_changes_nothing(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    channel = connection.channel()
    channel.basic_publish(queue.exchange, "order.placed", b"a")
    queue.declare(channel)

    assert get(channel, queue.name)[2] == b"a"


def test_a_message_is_dead_lettered_after_the_delivery_limit(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    channel = connection.channel()
    channel.basic_publish("", queue.name, b"a")
    for _ in range(3):
        deliver_and_die(connection, queue.name)

    _, properties, body = get(channel, queue.dead)
    assert (body, properties.headers["x-first-death-reason"]) == (b"a", "delivery_limit")


def test_a_rejected_message_is_dead_lettered(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    channel = connection.channel()
    channel.basic_publish("", queue.name, b"a")
    method, _, _ = get(channel, queue.name)
    channel.basic_reject(method.delivery_tag, requeue=False)

    assert get(channel, queue.dead)[2] == b"a"


def test_a_delayed_message_returns_and_a_longer_delay_blocks_none(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    channel = connection.channel()
    channel.basic_publish("", queue.delay(1), b"long")
    channel.basic_publish("", queue.delay(0), b"short")

    assert get(channel, queue.name)[2] == b"short"
    assert channel.queue_declare(queue.delay(1), passive=True).method.message_count == 1


def test_dead_letters_are_kept_however_often_they_are_read(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    channel = connection.channel()
    channel.basic_publish("", queue.dead, b"a")
    for _ in range(25):  # RabbitMQ 4's own limit is 20
        deliver_and_die(connection, queue.dead)

    assert get(channel, queue.dead)[2] == b"a"


def test_the_work_queue_is_a_quorum_queue(
    connection: pika.BlockingConnection, queue: WorkQueue
) -> None:
    """It is a quorum queue: a declaration as a classic one is refused."""
    classic = {
        name: value
        for name, value in queue.queues()[queue.name].items()
        if name != "x-delivery-limit"
    } | {"x-queue-type": "classic"}

    with pytest.raises(
        ChannelClosedByBroker, match=r"inequivalent arg 'x-(queue-type|delivery-limit)'"
    ):
        connection.channel().queue_declare(queue.name, durable=True, arguments=classic)


def as_before(queue: WorkQueue) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue.dead,
    }


@pytest.fixture
def old(connection: pika.BlockingConnection, queue: WorkQueue) -> WorkQueue:
    """The queues as they were declared before, with three messages and one that waits."""
    channel = connection.channel()
    for name, arguments in {
        queue.name: as_before(queue),
        queue.delay(1): as_before(queue) | {"x-message-ttl": 60_000},
    }.items():
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, arguments=arguments)
    channel.queue_bind(queue.name, queue.exchange, "order.*")
    for number in range(3):
        properties = pika.BasicProperties(message_id=f"m{number}", headers={"x-retries": number})
        channel.basic_publish(queue.exchange, "order.placed", b"body", properties)
    channel.basic_publish("", queue.delay(1), b"waits")
    return queue


def test_queues_with_other_arguments_are_replaced_and_keep_their_messages(
    connection: pika.BlockingConnection, old: WorkQueue
) -> None:
    with pytest.raises(ChannelClosedByBroker, match="inequivalent arg"):
        old.declare(connection.channel())

    assert migrate_work_queue(connection, old) == 5  # that which waited was moved twice
    channel = connection.channel()
    old.declare(channel)
    found = [get(channel, old.name) for _ in range(4)]
    assert sorted(body for _, _, body in found) == [b"body"] * 3 + [b"waits"]
    kept = {properties.message_id: properties.headers for _, properties, _ in found}
    assert kept["m2"]["x-retries"] == 2
    assert migrate_work_queue(connection, old) == 0


def test_what_is_published_during_a_migration_that_is_killed_is_kept(
    connection: pika.BlockingConnection, old: WorkQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = BlockingChannel.queue_delete

    def die(channel: BlockingChannel, name: str) -> Any:
        delete(channel, name)
        if name == old.name:
            raise SystemExit

    monkeypatch.setattr(BlockingChannel, "queue_delete", die)
    with pytest.raises(SystemExit):
        migrate_work_queue(connection, old)
    monkeypatch.undo()
    channel = connection.channel()
    channel.basic_publish(old.exchange, "order.placed", b"meanwhile")

    assert migrate_work_queue(connection, old) == 5
    assert channel.queue_declare(old.name, passive=True).method.message_count == 5
    assert refusal(connection, f"{old.name}.migration", passive=True) == NOT_FOUND


def test_a_queue_with_a_consumer_is_not_replaced(
    connection: pika.BlockingConnection, old: WorkQueue
) -> None:
    connection.channel().basic_consume(old.name, lambda *_: None)

    with pytest.raises(StillConsumed, match="1 consumers"):
        migrate_work_queue(connection, old)
