"""The pattern against a real RabbitMQ (RABBITMQ_URL): on queues of its own, removed at the end."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from . import WorkQueue


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
        for each in (queue.name, queue.dead, queue.delay(0), queue.delay(1)):
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
        name: value for name, value in queue.arguments().items() if name != "x-delivery-limit"
    } | {"x-queue-type": "classic"}

    with pytest.raises(
        ChannelClosedByBroker, match=r"inequivalent arg 'x-(queue-type|delivery-limit)'"
    ):
        connection.channel().queue_declare(queue.name, durable=True, arguments=classic)
