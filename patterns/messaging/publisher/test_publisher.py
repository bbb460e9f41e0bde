"""The pattern against a real RabbitMQ (RABBITMQ_URL), on an exchange of its own."""

import contextlib
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from pika.heartbeat import HeartbeatChecker

from . import BrokerUnavailable, MessageRefused, Publisher

pattern = sys.modules[__package__ or ""]


@pytest.fixture
def url() -> str:
    return os.environ.get("RABBITMQ_URL") or pytest.fail(
        "set RABBITMQ_URL=amqp://user:password@host:port/%2F"
    )


@pytest.fixture
def exchange(url: str) -> Iterator[str]:
    name = f"test.publisher.{secrets.token_hex(4)}"
    yield name
    with channel(url) as broker:
        broker.exchange_delete(name)


@pytest.fixture
def publisher(url: str, exchange: str) -> Iterator[Publisher]:
    with contextlib.closing(Publisher(url, exchange)) as publisher:
        yield publisher


@pytest.fixture
def broker(url: str, publisher: Publisher, exchange: str) -> Iterator[Any]:
    with channel(url) as broker:
        broker.exchange_declare(exchange, "topic", durable=True)
        yield broker


@contextlib.contextmanager
def channel(url: str) -> Iterator[Any]:
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        yield connection.channel()


def bind(broker: Any, exchange: str, **arguments: Any) -> str:
    queue = broker.queue_declare("", exclusive=True, arguments=arguments).method.queue
    broker.queue_bind(queue, exchange, "order.*")
    return str(queue)


def away(port: int) -> str:
    return f"amqp://guest:guest@127.0.0.1:{port}/%2F"


def test_a_published_message_is_in_its_queue_and_persistent(
    publisher: Publisher, broker: Any, exchange: str
) -> None:
    queue = bind(broker, exchange)

    publisher.publish("order.placed", b'{"a": 1}', "message-1", "request-1")

    _, properties, body = broker.basic_get(queue, auto_ack=True)
    assert body == b'{"a": 1}'
    assert (properties.message_id, properties.delivery_mode, properties.content_type) == (
        "message-1",
        2,
        "application/json",
    )
    assert properties.correlation_id == "request-1"


def test_an_unroutable_message_is_refused(publisher: Publisher, broker: Any, exchange: str) -> None:
    bind(broker, exchange)

    with pytest.raises(MessageRefused, match=r"no queue is bound for 'payment\.made'"):
        publisher.publish("payment.made", b"{}", "message-1")


@pytest.mark.parametrize("routing_key", ["заказ." * 33, "x" * 256])
def test_a_routing_key_of_256_bytes_is_refused_and_costs_no_other(
    publisher: Publisher, broker: Any, exchange: str, routing_key: str
) -> None:
    queue = bind(broker, exchange)
    with pytest.raises(MessageRefused, match="255 bytes"):
        publisher.publish(routing_key, b"{}", "bad")
    publisher.publish("order.placed", b"{}", "good")

    assert broker.basic_get(queue, auto_ack=True)[1].message_id == "good"


def test_queues_are_declared_with_each_connection(url: str, broker: Any, exchange: str) -> None:
    queue = f"{exchange}.archive"

    def declare(channel: Any) -> None:
        channel.queue_declare(queue, exclusive=False)
        channel.queue_bind(queue, exchange, "order.*")

    try:
        with contextlib.closing(Publisher(url, exchange, declare=declare)) as publisher:
            for _ in range(2):
                publisher.publish("order.placed", b"{}", "message-1")
                publisher.close()

        assert broker.queue_declare(queue, passive=True).method.message_count == 2
    finally:
        broker.queue_delete(queue)


def test_a_binding_that_is_removed_is_declared_again(
    url: str, broker: Any, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = f"{exchange}.queue"
    broker.queue_declare(queue, durable=True)

    def declare(channel: Any) -> None:
        channel.queue_bind(queue, exchange, "order.*")

    with contextlib.closing(Publisher(url, exchange, declare=declare)) as publisher:
        publisher.publish("order.placed", b"1", message_id="m1")
        broker.queue_unbind(queue, exchange, "order.*")
        with pytest.raises(MessageRefused):
            publisher.publish("order.placed", b"2", message_id="m2")
        with pytest.raises(MessageRefused):  # not at once: a refusal costs no connection
            publisher.publish("order.placed", b"2", message_id="m2")
        monkeypatch.setattr(pattern, "DECLARED_SECONDS", 0)
        with pytest.raises(MessageRefused):
            publisher.publish("order.placed", b"2", message_id="m2")
        publisher.publish("order.placed", b"2", message_id="m2")
    broker.queue_delete(queue)


def test_a_message_for_a_full_queue_is_refused(
    publisher: Publisher, broker: Any, exchange: str
) -> None:
    queue = bind(broker, exchange, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    publisher.publish("order.placed", b"{}", "message-1")

    with pytest.raises(MessageRefused, match="a queue is full"):
        publisher.publish("order.placed", b"{}", "message-2")

    broker.basic_get(queue, auto_ack=True)
    publisher.publish("order.placed", b"{}", "message-2")


def test_a_message_that_is_too_large_is_refused_and_costs_no_other(
    publisher: Publisher, broker: Any, exchange: str
) -> None:
    queue = bind(broker, exchange)
    too_large = bytes(128 * 1024 * 1024 + 1)  # RabbitMQ 3's limit; that of 4 is 16 MiB
    publisher.parameters.socket_timeout = 30  # so many bytes take a busy machine a while
    with pytest.raises(MessageRefused, match="larger than"):
        publisher.publish("order.placed", too_large, "large")
    publisher.publish("order.placed", b"{}", "good")

    assert broker.basic_get(queue, auto_ack=True)[1].message_id == "good"


def test_a_refusal_keeps_the_connection(publisher: Publisher, broker: Any, exchange: str) -> None:
    with pytest.raises(MessageRefused):
        publisher.publish("order.placed", b"{}", "message-1")
    before = publisher._connection
    bind(broker, exchange)
    publisher.publish("order.placed", b"{}", "message-1")

    assert publisher._connection is before


class Wire:
    """A TCP connection to the broker that can fall silent in one direction, or be cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.upstream = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = parts._replace(
            netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.listener.getsockname()[1]}"
        ).geturl()
        self.is_mute = False
        self.sockets: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "Wire":
        self.threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.threads[0].join()
        self.cut()
        self.listener.close()

    def cut(self) -> None:
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads[1:]:
            thread.join()
        for sock in self.sockets:
            sock.close()
        self.sockets, self.threads = [], self.threads[:1]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.upstream)
                self.sockets += [client, server]
                for source, target, is_reply in ((client, server, False), (server, client, True)):
                    self.threads.append(
                        threading.Thread(target=self._carry, args=(source, target, is_reply))
                    )
                    self.threads[-1].start()

    def _carry(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                if not (self.is_mute and is_reply):
                    target.sendall(chunk)
            target.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        yield sock.getsockname()[1]


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()  # the kernel accepts; nobody ever answers
        yield sock.getsockname()[1]


@pytest.mark.parametrize("port", [closed_port, silent_port])
def test_a_broker_that_does_not_answer_is_reported_in_bounded_time(
    port: Callable[[], contextlib.AbstractContextManager[int]], exchange: str
) -> None:
    with port() as number:
        publisher = Publisher(away(number), exchange, timeout_seconds=0.3)
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            publisher.publish("order.placed", b"{}", "message-1")

    assert time.monotonic() - started < 5


def test_the_password_is_in_no_error(url: str, exchange: str) -> None:
    wrong = urlsplit(url)
    wrong = wrong._replace(netloc=f"nobody:s3cret@{wrong.hostname}:{wrong.port}")

    with pytest.raises(BrokerUnavailable) as error:
        Publisher(wrong.geturl(), exchange).publish("order.placed", b"{}", "message-1")

    assert "s3cret" not in str(error.value)


def test_a_silent_broker_is_noticed_by_missing_heartbeats(
    url: str, broker: Any, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_check_timer = HeartbeatChecker._start_check_timer

    def impatient(self: Any) -> None:
        self._check_interval = 0.5  # pika adds 5 s to each of two intervals
        start_check_timer(self)

    monkeypatch.setattr(HeartbeatChecker, "_start_check_timer", impatient)
    bind(broker, exchange)
    with (
        Wire(url) as wire,
        contextlib.closing(Publisher(wire.url, exchange, heartbeat_seconds=1)) as publisher,
    ):
        publisher.publish("order.placed", b"{}", "message-1")
        wire.is_mute = True

        with pytest.raises(BrokerUnavailable):
            publisher.publish("order.placed", b"{}", "message-2")


def test_a_broker_with_an_alarm_is_reported_in_bounded_time(
    url: str, broker: Any, exchange: str
) -> None:
    bind(broker, exchange)
    with (
        Wire(url) as wire,
        contextlib.closing(Publisher(wire.url, exchange, timeout_seconds=0.3)) as publisher,
    ):
        publisher.publish("order.placed", b"{}", "message-1")
        wire.is_mute = True
        blocked = pika.frame.Method(
            0, pika.spec.Connection.Blocked("low on memory")
        )  # what RabbitMQ sends then, and reads no more
        wire.sockets[0].sendall(blocked.marshal())

        with pytest.raises(BrokerUnavailable, match="ConnectionBlockedTimeout"):
            publisher.publish("order.placed", b"{}", "message-2")


def test_a_cut_connection_costs_one_error_and_is_reopened(
    url: str, broker: Any, exchange: str
) -> None:
    bind(broker, exchange)
    with Wire(url) as wire, contextlib.closing(Publisher(wire.url, exchange)) as publisher:
        publisher.publish("order.placed", b"{}", "message-1")
        wire.cut()
        with pytest.raises(BrokerUnavailable):
            publisher.publish("order.placed", b"{}", "message-2")

        publisher.publish("order.placed", b"{}", "message-2")


def test_a_connection_cut_while_at_rest_costs_no_error(
    url: str, broker: Any, exchange: str
) -> None:
    bind(broker, exchange)
    with Wire(url) as wire, contextlib.closing(Publisher(wire.url, exchange)) as publisher:
        publisher.publish("order.placed", b"{}", "message-1")
        wire.cut()
        publisher.rest(0.5)

        publisher.publish("order.placed", b"{}", "message-2")


def test_a_deleted_exchange_is_declared_again(
    publisher: Publisher, broker: Any, exchange: str
) -> None:
    queue = bind(broker, exchange)
    broker.exchange_delete(exchange)
    with pytest.raises(MessageRefused):  # declared on connecting, but nothing is bound
        publisher.publish("order.placed", b"{}", "message-1")
    broker.exchange_delete(exchange)
    with pytest.raises(BrokerUnavailable):  # the broker closes the channel
        publisher.publish("order.placed", b"{}", "message-1")

    with pytest.raises(MessageRefused):
        publisher.publish("order.placed", b"{}", "message-1")
    broker.queue_bind(queue, exchange, "order.*")
    publisher.publish("order.placed", b"{}", "message-1")


def test_rest_keeps_an_idle_connection_alive(url: str, exchange: str) -> None:
    with contextlib.closing(Publisher(url, exchange, heartbeat_seconds=1)) as publisher:
        with pytest.raises(MessageRefused):
            publisher.publish("order.placed", b"{}", "message-1")
        publisher.rest(3.5)  # the broker ends a connection that missed two heartbeats

        with pytest.raises(MessageRefused):
            publisher.publish("order.placed", b"{}", "message-1")
