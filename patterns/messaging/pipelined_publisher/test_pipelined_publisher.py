"""The pattern against a real RabbitMQ (RABBITMQ_URL): on an exchange and queues of its own, removed at the end."""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from ..publisher import BrokerUnavailable
from . import PipelinedPublisher


@pytest.fixture
def url() -> str:
    return os.environ.get("RABBITMQ_URL") or pytest.fail("set RABBITMQ_URL=amqp://user:password@host:port/%2F")


@pytest.fixture
def broker(url: str) -> Iterator[Any]:
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        yield connection.channel()


@pytest.fixture
def publisher(url: str, broker: Any) -> Iterator[PipelinedPublisher]:
    name = f"test.pipelined.{secrets.token_hex(4)}"
    broker.exchange_declare(name, "topic", durable=True)
    with contextlib.closing(PipelinedPublisher(url, name, timeout_seconds=1)) as publisher:
        yield publisher
    broker.exchange_delete(name)


def bind(broker: Any, publisher: PipelinedPublisher, key: str = "order.*", **arguments: Any) -> str:
    queue = broker.queue_declare("", exclusive=True, arguments=arguments).method.queue
    broker.queue_bind(queue, publisher.exchange, key)
    return str(queue)


def test_a_batch_is_in_its_queue_in_order_and_persistent(publisher: PipelinedPublisher, broker: Any) -> None:
    queue = bind(broker, publisher)
    for number in range(500):
        publisher.publish("order.placed", b"%d" % number, f"message-{number}", "request-1")

    assert publisher.confirm() == {}
    found = [broker.basic_get(queue, auto_ack=True) for _ in range(500)]
    assert [body for _, _, body in found] == [b"%d" % number for number in range(500)]
    properties = found[0][1]
    assert (properties.message_id, properties.delivery_mode, properties.content_type) == ("message-0", 2, "application/json")
    assert properties.correlation_id == "request-1"


def test_what_nobody_takes_is_named_and_the_others_have_arrived(publisher: PipelinedPublisher, broker: Any) -> None:
    queue = bind(broker, publisher)
    for number in range(100):
        publisher.publish("order.placed" if number % 10 else "payment.made", b"{}", f"message-{number}")

    assert publisher.confirm() == {f"message-{number}": "no queue is bound for payment.made" for number in range(0, 100, 10)}
    assert broker.queue_declare(queue, passive=True).method.message_count == 90
    assert publisher.confirm() == {}  # said once


def test_what_a_full_queue_refuses_is_named(publisher: PipelinedPublisher, broker: Any) -> None:
    queue = bind(broker, publisher, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    for number in range(100):
        publisher.publish("order.placed", b"{}", f"message-{number}")

    refused = publisher.confirm()
    in_the_queue = broker.queue_declare(queue, passive=True).method.message_count
    assert 0 < len(refused) == 100 - in_the_queue
    assert all("full" in reason for reason in refused.values())


def test_a_confirm_that_never_comes_is_reported_in_bounded_time_and_the_next_batch_connects_anew(
    publisher: PipelinedPublisher, broker: Any
) -> None:
    bind(broker, publisher)
    publisher.publish("order.placed", b"{}", "message-1")
    publisher._sent[99] = "message-2"  # the broker knows nothing of it, and so says nothing

    with pytest.raises(BrokerUnavailable):
        publisher.confirm()
    publisher.publish("order.placed", b"{}", "message-2")
    assert publisher.confirm() == {}


def test_after_a_connection_that_broke_in_a_batch_none_of_it_counts_as_published(publisher: PipelinedPublisher, broker: Any) -> None:
    bind(broker, publisher)
    publisher.publish("order.placed", b"{}", "message-1")
    publisher._connection.transport.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(BrokerUnavailable):
        publisher.publish("order.placed", b"{}", "message-2")

    with pytest.raises(BrokerUnavailable):
        publisher.confirm()
    assert publisher.confirm() == {}


def test_nobody_there_is_reported(publisher: PipelinedPublisher) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = PipelinedPublisher(f"amqp://guest:s3cret@127.0.0.1:{closed.getsockname()[1]}/%2F", "events")
        with pytest.raises(BrokerUnavailable) as error:
            away.publish("order.placed", b"{}", "message-1")

    assert "s3cret" not in str(error.value)


def test_rest_keeps_an_idle_connection_alive(url: str, publisher: PipelinedPublisher, broker: Any) -> None:
    bind(broker, publisher)
    with contextlib.closing(PipelinedPublisher(url, publisher.exchange, heartbeat_seconds=1)) as idle:
        idle.publish("order.placed", b"{}", "message-1")
        idle.confirm()
        before = idle._connection
        for _ in range(15):
            idle.rest(0.25)  # the broker ends a connection that missed two heartbeats
        idle.publish("order.placed", b"{}", "message-2")

        assert idle.confirm() == {}
        assert idle._connection is before
