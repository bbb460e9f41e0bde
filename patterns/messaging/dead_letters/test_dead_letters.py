"""The pattern against a real RabbitMQ (RABBITMQ_URL), on exclusive queues."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import UnroutableError

from ..topology import KEPT
from . import DeadLetter, drop, listing, replay


def confirmed(connection: pika.BlockingConnection) -> BlockingChannel:
    """What is published on it is in its queue when publishing returns."""
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


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
    channel = confirmed(connection)
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


def arrive(connection: pika.BlockingConnection, queue: str, wanted: int) -> None:
    """Waits for letters that were published without confirms, or that a closed channel returns."""
    deadline = time.monotonic() + 10
    while count(connection, queue) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_listing_shows_letters_and_leaves_them_in_place(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    first = listing(connection, queues[0])

    assert first[2] == DeadLetter("m2", "reason 2", 2, "r1", b"body")
    assert [letter.message_id for letter in first] == ["m0", "m1", "m2"]
    assert listing(connection, queues[0]) == first
    assert len(listing(connection, queues[0], limit=2)) == 2


def test_letters_are_in_their_queue_again_when_the_listing_returns(
    connection: pika.BlockingConnection,
) -> None:
    """A count right after a listing must not show fewer, nor a replay find fewer."""
    dead = f"test.{secrets.token_hex(4)}.dead"
    channel = confirmed(connection)
    channel.queue_declare(dead, durable=True, arguments=KEPT)  # from 4.0 on the limit is 20
    try:
        for number in range(30):
            channel.basic_publish("", dead, str(number).encode())

        counted = {(len(listing(connection, dead)), count(connection, dead)) for _ in range(30)}
    finally:
        channel.queue_delete(dead)

    assert counted == {(30, 30)}


def test_a_celery_letter_has_the_brokers_reason_and_celerys_id(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    headers = {
        "id": "task-1",
        "x-death": [{"reason": "delivery_limit"}, {"reason": "expired"}],
        "x-retries": "many",
        "request_id": "r1",
    }
    confirmed(connection).basic_publish(
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


class Milliseconds(pika.BasicProperties):
    """A header with milliseconds where AMQP has seconds: pika cannot decode the year 58883."""

    def encode(self) -> list[bytes]:
        table = b"\x07sent-atT" + (1_796_017_368_000).to_bytes(8, "big")
        return [self.FLAG_HEADERS.to_bytes(2, "big"), len(table).to_bytes(4, "big"), table]


def test_a_letter_that_cannot_be_decoded_is_listed_kept_and_dropped(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    dead, home = queues
    confirmed(connection).basic_publish("", dead, b"odd", Milliseconds())

    odd = listing(connection, dead)[3]
    assert (odd.body, odd.is_readable) == (b"odd", False)
    assert odd.reason.startswith("cannot be decoded: ")
    assert replay(connection, dead, to=home) == 3
    assert [letter.body for letter in listing(connection, dead)] == [b"odd"]
    assert drop(connection, dead, chosen=lambda letter: letter == odd) == 1
    assert count(connection, dead) == 0


def test_a_replayed_letter_has_no_property_that_the_broker_acts_on(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    home = queues[1]
    dead = str(connection.channel().queue_declare("", exclusive=True).method.queue)
    headers = {"CC": [queues[0]], "task": "t", "id": "a/b", "retries": 5, "outage": {"tries": 1}}
    given = pika.BasicProperties(headers=headers, expiration="60000", priority=3)
    confirmed(connection).basic_publish("", dead, b"", given)

    assert replay(connection, dead, to=home) == 1
    assert count(connection, queues[0]) == 4  # one more: when it was published here, not again
    _, properties, _ = connection.channel().basic_get(home)
    assert (properties.expiration, properties.priority) == (None, None)
    assert properties.headers == {"task": "t", "id": "a/b", "retries": 0}


def test_letters_without_an_id_are_told_apart_by_their_content(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    for body in (b"1", b"2"):
        confirmed(connection).basic_publish("", queues[1], body)

    ids = {letter.message_id for letter in listing(connection, queues[1])}
    assert len(ids) == 2
    assert all(each.startswith("content-") for each in ids)


def test_any_of_many_letters_is_found_and_all_are_replayed(
    connection: pika.BlockingConnection, queues: tuple[str, str]
) -> None:
    channel, home = connection.channel(), queues[1]
    dead = str(channel.queue_declare("", exclusive=True).method.queue)
    for number in range(1_500):
        channel.basic_publish("", dead, b"body", pika.BasicProperties(message_id=f"n{number}"))
    arrive(connection, dead, 1_500)

    last = lambda letter: letter.message_id == "n1499"  # noqa: E731
    assert replay(connection, dead, to=home, chosen=last, most=1) == 1
    arrive(connection, dead, 1_499)
    seen: list[int] = []
    assert replay(connection, dead, to=home, on_progress=seen.append) == 1_499
    assert seen == list(range(1, 1_500))
    assert count(connection, home) == 1_500
