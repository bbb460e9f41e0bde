import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from fulfilment.messaging import letters
from fulfilment.models import Product
from labkit import FaultProxy

FLUSHES = 5


@pytest.fixture(autouse=True, scope="session")
def patient_flush() -> Iterator[None]:
    """A test's tables are emptied while workers of a module may still read them: PostgreSQL then ends one of both with a deadlock."""
    flush = TransactionTestCase._fixture_teardown

    def again(case: TransactionTestCase) -> None:
        for _ in range(FLUSHES - 1):
            with contextlib.suppress(CommandError):
                flush(case)
                return
        flush(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", again)
        yield


@pytest.fixture(autouse=True)
def no_letters_of_before() -> None:
    letters.forget()


@pytest.fixture
def mug(db: None) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug 1", price="6.90")


@pytest.fixture
def api() -> APIClient:
    return APIClient()


@dataclass
class Broker:
    """The real one, with names of this test's own."""

    url: str
    channel: Any
    prefix: str

    @property
    def environment(self) -> dict[str, str]:
        """For processes of ours: this broker, these names, and the test's database."""
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        return {
            "DATABASE_URL": database,
            "RABBITMQ_URL": self.url,
            "EVENTS_EXCHANGE": self.exchange,
            "QUEUE_PREFIX": self.prefix,
            "DEBUG": "1",
        }

    def through(self, proxy: FaultProxy) -> str:
        """Its URL by way of the proxy."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{proxy.host}:{proxy.port}").geturl()

    @property
    def exchange(self) -> str:
        return f"{self.prefix}.events"

    def bind(self, **arguments: Any) -> str:
        """A queue that gets every event."""
        self.channel.exchange_declare(self.exchange, "topic", durable=True)
        queue = self.channel.queue_declare("", exclusive=True, arguments=arguments).method.queue
        self.channel.queue_bind(queue, self.exchange, "#")
        return str(queue)

    def bodies(self, queue: str) -> list[bytes]:
        """Takes all that is in the queue now."""
        found = []
        while (message := self.channel.basic_get(queue, auto_ack=True))[0]:
            found.append(message[2])
        return found

    def reasons(self, dead_queue: str) -> list[str]:
        """Takes all dead letters, and returns why each died."""
        found = []
        while (message := self.channel.basic_get(dead_queue, auto_ack=True))[0]:
            found.append(message[1].headers.get("x-reason") or message[1].headers["x-first-death-reason"])
        return found

    def count(self, queue: str) -> int:
        """How many messages are ready in a queue; 0 before its worker has declared it."""
        channel = self.channel.connection.channel()
        try:
            return int(channel.queue_declare(queue, passive=True).method.message_count)
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code != 404:
                raise
            return 0
        finally:
            if channel.is_open:
                channel.close()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[FaultProxy]:
    parts = urlsplit(broker.url)
    with FaultProxy(parts.hostname or "localhost", parts.port or 5672) as proxy:
        yield proxy


@pytest.fixture
def broker() -> Iterator[Broker]:
    url = os.environ.get("RABBITMQ_URL") or pytest.fail("set RABBITMQ_URL=amqp://user:password@host:port/%2F")
    prefix = f"test.{secrets.token_hex(4)}"
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as opened:
        channel = opened.channel()
        yield Broker(url, channel, prefix)
        for queue in (
            "orders",
            "orders.dead",
            "orders.retry-1000ms",
            "orders.retry-10000ms",
            "orders.retry-60000ms",
            "tasks",
            "tasks.dead",
        ):
            channel.queue_delete(f"{prefix}.{queue}")
        for exchange in ("events", "tasks", "dead"):
            channel.exchange_delete(f"{prefix}.{exchange}")
