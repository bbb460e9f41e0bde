"""The pattern against a real RabbitMQ (RABBITMQ_URL), on exclusive queues."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError

from . import DeadLetter, listing, replay


@pytest.fixture
def connection() -> Iterator[pika.BlockingConnection]:
    url = os.environ.get("RABBITMQ_URL") or pytest.fail(
        "set RABBITMQ_URL=amqp://user:password@host:port/%2F"
    )
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        yield connection


@pytest.fixture
def queues(connection: pika.BlockingConnection) -> tuple[str, str]:
    """The dead letters' queue, with three letters, and the one they came from."""
    channel = connection.channel()
    dead, home = (str(channel.queue_declare("", exclusive=True).method.queue) for _ in range(2))
    for number in range(3):
        headers = {
            "x-reason": f"reason {number}",
            "x-retries": number,
            "x-first-death-reason": "rejected",
            "tenant": "a",
        }
        channel.basic_publish(
            "",
            dead,
            b"body",
            pika.BasicProperties(
                "text/plain", headers=headers, message_id=f"m{number}", correlation_id="r1"
            ),
        )
    return dead, home


def count(connection: pika.BlockingConnection, queue: str) -> int:
    with contextlib.closing(connection.channel()) as channel:
        return int(channel.queue_declare(queue, passive=True).method.message_count)


def test_a_listing_shows_letters_and_leaves_them_in_place(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    first = listing(connection, queues[0])

    assert first[2] == DeadLetter("m2", "reason 2", 2, "r1", b"body")
    assert [letter.message_id for letter in first] == ["m0", "m1", "m2"]
    assert listing(connection, queues[0]) == first
    assert len(listing(connection, queues[0], limit=2)) == 2


def test_a_celery_letter_has_the_brokers_reason_and_celerys_id(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    headers = {
        "id": "task-1",
        "x-death": [{"reason": "delivery_limit"}, {"reason": "expired"}],
        "x-retries": "many",
        "request_id": "r1",
    }
    connection.channel().basic_publish(
        "", queues[1], b"", pika.BasicProperties(headers=headers, correlation_id="task-1")
    )

    [letter] = listing(connection, queues[1])
    assert letter == DeadLetter("task-1", "delivery_limit", 0, "task-1", b"")
    assert letter.headers["request_id"] == "r1"


def test_a_replayed_letter_keeps_its_id_and_counts_from_0(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    dead, home = queues

    assert replay(connection, dead, to=home, chosen=lambda letter: letter.message_id == "m1") == 1

    assert [letter.message_id for letter in listing(connection, dead)] == ["m0", "m2"]
    _, properties, body = connection.channel().basic_get(home)
    assert (body, properties.message_id, properties.correlation_id, properties.content_type) == (
        b"body",
        "m1",
        "r1",
        "text/plain",
    )
    assert properties.headers == {"tenant": "a"}


def test_a_letter_that_cannot_be_replayed_is_kept(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    with pytest.raises(UnroutableError):
        replay(connection, queues[0], to="no-such-queue")

    assert count(connection, queues[0]) == 3


def test_a_replay_killed_before_the_confirm_loses_nothing(
    connection: pika.BlockingConnection, queues: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(BlockingChannel, "basic_publish", die)
    with pytest.raises(SystemExit):
        replay(connection, queues[0], to=queues[1])

    assert count(connection, queues[0]) == 3
