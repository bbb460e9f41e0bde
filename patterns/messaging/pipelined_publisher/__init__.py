"""A RabbitMQ publisher that has many messages on their way at once, and knows of each whether the broker has it.

Problem         A confirm a message is a round trip a message: an outbox that got a minute behind stays behind. Without confirms, or
                with confirms that are counted and never matched to their messages, nobody knows which were lost.
Guarantee       After `publish`, any number of times, `confirm` returns when the broker has answered for each of those messages: those
                that it does not name were put, persistent, into a queue; those that it names were refused, each with the reason.
                BrokerUnavailable, in bounded time, when the broker does not answer for all: nothing is said of any of them
                then, and the next call connects anew.
Not guaranteed  That a message of a batch that raised was not delivered. Order after a refusal: those behind it are on their way already;
                send one message of an aggregate a batch, as the outbox's relay does. A message larger than the broker takes (16 MB
                from RabbitMQ 4) ends the connection each time: bound what you store. Threads: one publisher each.
Cost            One round trip a batch, and the memory of a batch. A kill between publish and mark sends up to a batch again.
Use instead     `Publisher` (patterns/messaging/publisher), until a relay is a bottleneck: one message, one answer.

Source: rabbitmq.com/docs/confirms, "Batch publishing"; docs.celeryq.dev, py-amqp, which Celery brings along. Not pika: its blocking
channel knows only one outstanding confirm.
"""

import contextlib
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import amqp
from amqp.exceptions import AMQPError

from ..publisher import BrokerUnavailable, in_one_line

REQUIRES = ("publisher",)


class PipelinedPublisher:
    """Publishes to one durable topic exchange, which it declares. Connects on first use. `url` is amqp://user:password@host:port/vhost."""

    def __init__(self, url: str, exchange: str, *, timeout_seconds: float = 3, heartbeat_seconds: int = 5) -> None:
        self.exchange = exchange
        self.timeout_seconds = timeout_seconds
        parts = urlsplit(url)
        self._options = {
            "host": f"{parts.hostname}:{parts.port or 5672}",
            "userid": unquote(parts.username or "guest"),
            "password": unquote(parts.password or "guest"),
            "virtual_host": unquote(parts.path.removeprefix("/")) or "/",
            "heartbeat": heartbeat_seconds,
            "connect_timeout": timeout_seconds,
            "read_timeout": timeout_seconds,
            "write_timeout": timeout_seconds,
        }
        self._connection: Any = None
        self._channel: Any = None
        self._sent: dict[int, str] = {}  # delivery tag → message id, until the broker has answered for it
        self._refused: dict[str, str] = {}
        self._is_unknown = False

    def publish(self, routing_key: str, body: bytes, message_id: str, correlation_id: str = "") -> None:
        """Sends a message, which is JSON. Says nothing of its fate: `confirm` does. Raises BrokerUnavailable."""
        properties = {"content_type": "application/json", "delivery_mode": 2, "message_id": message_id}
        if correlation_id:
            properties["correlation_id"] = correlation_id
        try:
            channel = self._open_channel()
            # the tag that the broker will give it: it counts what it gets on this channel, from 1
            self._published += 1
            self._sent[self._published] = message_id
            channel.basic_publish(amqp.Message(body, **properties), exchange=self.exchange, routing_key=routing_key, mandatory=True)
        except (AMQPError, OSError) as error:
            self.close()
            self._is_unknown = True  # what became of those before it; `confirm` must not call them published
            raise BrokerUnavailable(in_one_line(error)) from error

    def confirm(self) -> dict[str, str]:
        """Waits until the broker has answered for all that was published. Returns id → reason of those that it refused."""
        if self._is_unknown:
            self._is_unknown = False
            raise BrokerUnavailable("the connection broke before the broker had answered")
        deadline = time.monotonic() + self.timeout_seconds
        try:
            while self._sent:
                before = len(self._sent)
                self._connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))
                if len(self._sent) < before:
                    deadline = time.monotonic() + self.timeout_seconds  # as long as it answers, it is there
        except (AMQPError, OSError) as error:
            self.close()
            raise BrokerUnavailable(in_one_line(error)) from error
        refused, self._refused = self._refused, {}
        return refused

    def rest(self, seconds: float) -> None:
        """Waits, and answers heartbeats meanwhile. A connection that ends in that time is not missed before the next message."""
        if self._connection is None:
            time.sleep(seconds)
            return
        try:
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=seconds)
            self._connection.heartbeat_tick()
        except (AMQPError, OSError):
            self.close()

    def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        self._sent, self._refused = {}, {}
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError):
                connection.close()

    def _open_channel(self) -> Any:
        if self._channel is None:
            self._connection = amqp.Connection(**self._options)
            self._connection.connect()
            channel = self._connection.channel()
            channel.exchange_declare(self.exchange, "topic", durable=True, auto_delete=False)
            channel.confirm_select()
            channel.events["basic_return"].add(self._on_return)
            channel.events["basic_ack"].add(self._on_ack)
            channel.events["basic_nack"].add(self._on_nack)
            self._channel, self._published = channel, 0
        return self._channel

    def _on_return(self, error: Exception, exchange: str, routing_key: str, message: Any) -> None:
        # comes before the message's ack
        self._refused[message.properties["message_id"]] = f"no queue is bound for {routing_key}"

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for message_id in self._answered(tag, multiple):
            self._refused[message_id] = "the broker does not take it: a queue is full"

    def _answered(self, tag: int, multiple: bool) -> list[str]:
        tags = [each for each in self._sent if each <= tag] if multiple else [tag]
        return [self._sent.pop(each) for each in tags]
