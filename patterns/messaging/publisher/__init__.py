"""AMQP publisher: `publish` returns once RabbitMQ has queued the message, or raises.

Problem
    `basic_publish` returns at once. An unroutable message, or one for a full queue or a
    dead connection, is lost without an error.

Guarantee
    - `publish` returns after a confirm: the message is persistent, in a queue.
    - MessageRefused: no queue is bound, a queue is full, the message is too large.
    - BrokerUnavailable, in bounded time: refused, silent, blocked or cut off.
    - The call after an error connects again.

Not guaranteed
    Exactly-once: a lost confirm raises although the message arrived. Thread safety.

Cost
    One round trip per message: 0.2 of the rate with pipelined confirms.

Use instead
    Celery with `confirm_publish`. aio-pika, in asyncio. In a web request, an outbox.
    (Checked 2026-11.)

Source: rabbitmq.com/docs/confirms.

Use
    # your code
    from contextlib import closing
    from django.conf import settings
    from patterns.messaging.publisher import MessageRefused, Publisher

    with closing(Publisher(settings.RABBITMQ_URL, exchange="shop.events")) as publisher:
        try:
            publisher.publish("order.placed", b'{"id": 1}', message_id="event-1")
        except MessageRefused as error:
            print(error)  # no queue is bound for 'order.placed'
"""

import contextlib
import time
from collections.abc import Callable

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    NackError,
    ShortStringTooLong,
    UnroutableError,
)

# What pika raises when the broker is unavailable. A handshake that times out is no AMQPError.
CONNECTION_ERRORS = (AMQPError, AMQPConnectorException, OSError)
PRECONDITION_FAILED = 406
DECLARED_SECONDS = 10  # what was removed under a connection is declared again after that time


class MessageRefused(Exception):
    """The broker answers, and does not take this message."""


class BrokerUnavailable(Exception):
    """The broker takes no message now."""


class Publisher:
    """Publishes to one durable topic exchange, which it declares. Connects on first use.

    `url` is amqp://user:password@host:port/vhost. `declare` is called with the channel of each
    new connection: it declares queues that must exist before the first message.
    """

    def __init__(
        self,
        url: str,
        exchange: str,
        *,
        declare: Callable[[BlockingChannel], None] = lambda channel: None,
        timeout_seconds: float = 3,
        heartbeat_seconds: int = 5,
    ) -> None:
        self.exchange = exchange
        self.declare = declare
        self.parameters = pika.URLParameters(url)
        self.parameters.heartbeat = heartbeat_seconds
        for name in ("blocked_connection_timeout", "socket_timeout", "stack_timeout"):
            setattr(self.parameters, name, timeout_seconds)
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._declared_at = 0.0

    def publish(
        self, routing_key: str, body: bytes, message_id: str, correlation_id: str | None = None
    ) -> None:
        """Returns when the broker has it; raises MessageRefused or BrokerUnavailable."""
        persistent = pika.BasicProperties(
            "application/json",
            delivery_mode=pika.DeliveryMode.Persistent,
            message_id=message_id,
            correlation_id=correlation_id,
        )
        try:
            self._open_channel().basic_publish(
                self.exchange, routing_key, body, persistent, mandatory=True
            )
        except UnroutableError as error:
            if time.monotonic() - self._declared_at > DECLARED_SECONDS:
                self.close()
            raise MessageRefused(f"no queue is bound for {routing_key!r}") from error
        except NackError as error:
            raise MessageRefused("the broker rejected the message: a queue is full") from error
        except ShortStringTooLong as error:
            raise MessageRefused("the routing key or an id is longer than 255 bytes") from error
        except CONNECTION_ERRORS as error:
            is_channel_error = self._channel and isinstance(error, ChannelClosedByBroker)
            self.close()
            if is_channel_error and getattr(error, "reply_code", 0) == PRECONDITION_FAILED:
                # the message is too large; reported as an outage it would block all others
                raise MessageRefused(str(error)) from error
            raise BrokerUnavailable(repr(error)[:200]) from error

    def rest(self, seconds: float) -> None:
        """Waits and answers heartbeats. A connection that ends meanwhile is reopened later."""
        try:
            if self._connection is not None:
                self._connection.sleep(seconds)
            else:
                time.sleep(seconds)
        except CONNECTION_ERRORS:
            self.close()

    def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*CONNECTION_ERRORS):
                connection.close()

    def _open_channel(self) -> BlockingChannel:
        if self._channel is None:
            self._connection = pika.BlockingConnection(self.parameters)
            channel = self._connection.channel()
            channel.exchange_declare(self.exchange, "topic", durable=True)
            self.declare(channel)
            channel.confirm_delivery()
            self._channel, self._declared_at = channel, time.monotonic()
        return self._channel
