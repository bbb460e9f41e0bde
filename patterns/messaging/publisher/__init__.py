"""A RabbitMQ publisher that knows whether the broker has the message.

Problem         `basic_publish` returns at once. Unroutable, refused by a full queue, written to a dead connection: gone,
                and nobody was told. And a broker with a memory alarm keeps the caller waiting for ever.
Guarantee       `publish` returns only when the broker has put the message, persistent, into a queue (confirms and
                mandatory). Otherwise it raises: MessageRefused, when no queue takes this message (none is bound, or it is
                full); BrokerUnavailable, in bounded time, when the broker cannot be reached, does not answer or ends the
                connection. The next call then connects anew.
Not guaranteed  That a message which raised was not delivered: what was lost may be the confirm. Publish again, and
                let consumers know repetitions by `message_id`. Threads: one publisher each, as pika's connections are not shared.
Cost            One round trip a message. A broker that falls silent is noticed after at most 2 × (`heartbeat_seconds` + 5), one
                that raised an alarm or does not finish the handshake after `timeout_seconds`.
Use instead     Celery with `confirm_publish`, when it publishes anyway and a bound queue is certain: kombu ignores
                `mandatory`. aio-pika in asynchronous code. None of them in a web request: an outbox, and this in its relay.

Source: rabbitmq.com/docs/confirms; pika documentation, "Using Delivery Confirmations with the BlockingConnection".
"""

import contextlib
import time
from collections.abc import Callable

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, ShortStringTooLong, UnroutableError

# What pika raises when the broker is away. A handshake that times out is no AMQPError, and its name is private to pika's adapters.
CONNECTION_ERRORS = (AMQPError, AMQPConnectorException, OSError)
PRECONDITION_FAILED = 406


class MessageRefused(Exception):
    """The broker is there and does not take this message."""


class BrokerUnavailable(Exception):
    """The broker takes no message now."""


class Publisher:
    """Publishes to one durable topic exchange, which it declares. Connects on first use. `url` is amqp://user:password@host:port/vhost.

    `declare` is called with the channel of each new connection: for a queue that has to be there before the first message.
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
        self.parameters.blocked_connection_timeout = timeout_seconds
        self.parameters.socket_timeout = self.parameters.stack_timeout = timeout_seconds
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None

    def publish(self, routing_key: str, body: bytes, message_id: str, correlation_id: str | None = None) -> None:
        """Returns when the broker has the message, which is JSON. Raises MessageRefused or BrokerUnavailable."""
        persistent = pika.BasicProperties(
            "application/json", delivery_mode=pika.DeliveryMode.Persistent, message_id=message_id, correlation_id=correlation_id
        )
        try:
            self._open_channel().basic_publish(self.exchange, routing_key, body, persistent, mandatory=True)
        except UnroutableError as error:
            raise MessageRefused(f"no queue is bound for {routing_key}") from error
        except (NackError, ShortStringTooLong) as error:
            raise MessageRefused(in_one_line(error)) from error
        except CONNECTION_ERRORS as error:
            was_open = self._channel is not None
            self.close()
            # the answer to a message that is too large: as an outage it would hold all others up for ever
            if was_open and isinstance(error, ChannelClosedByBroker) and error.reply_code == PRECONDITION_FAILED:
                raise MessageRefused(in_one_line(error)) from error
            raise BrokerUnavailable(in_one_line(error)) from error

    def rest(self, seconds: float) -> None:
        """Waits, and answers heartbeats meanwhile. A connection that ends in that time is not missed before the next message."""
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
            self._channel = channel
        return self._channel


def in_one_line(error: BaseException) -> str:
    """What an error of pika's says; many say nothing but their name."""
    return " ".join(f"{type(error).__name__} {error}".split())[:200]
