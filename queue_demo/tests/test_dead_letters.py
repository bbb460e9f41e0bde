"""The dead letters over HTTP and on the command line, against a real broker."""

import io
from typing import Any

import pika
import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from fulfilment.messaging import letters, topology
from tests.conftest import Broker


@pytest.fixture
def queue(broker: Broker, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The events' queue, with two dead letters."""
    settings.EVENTS_EXCHANGE = broker.exchange
    monkeypatch.setattr(topology, "EVENTS", f"{broker.prefix}.orders")
    monkeypatch.setattr(letters, "QUEUES", (f"{broker.prefix}.orders", f"{broker.prefix}.tasks"))  # the tasks' are not declared
    topology.events_queue().declare(broker.channel)
    for number in range(2):
        properties = pika.BasicProperties(
            message_id=f"m{number}", correlation_id="request-1", headers={"x-reason": "no such product", "x-retries": 3}
        )
        broker.channel.basic_publish("", f"{topology.EVENTS}.dead", b"{}", properties)
    return topology.EVENTS


def test_dead_letters_are_listed_with_their_reason_and_the_requests_id(api: APIClient, queue: str) -> None:
    first, second = api.get("/dead-letters/").data

    letter = {"queue": queue, "reason": "no such product", "retries": 3, "correlation_id": "request-1"}
    assert first == letter | {"message_id": "m0"}
    assert second["message_id"] == "m1"


def test_one_is_replayed_and_the_other_stays(api: APIClient, broker: Broker, queue: str) -> None:
    assert api.post("/dead-letters/m1/replay/").data == {"replayed": 1}

    assert [letter["message_id"] for letter in api.get("/dead-letters/").data] == ["m0"]
    assert broker.count(queue) == 1
    assert api.post("/dead-letters/m1/replay/").status_code == 404


def test_the_command_lists_and_replays_all(broker: Broker, queue: str) -> None:
    said = io.StringIO()
    call_command("dead_letters", stdout=said)
    call_command("dead_letters", "--replay", stdout=said)

    assert said.getvalue().splitlines() == [
        f"{queue} m0 tried 4 times: no such product",
        f"{queue} m1 tried 4 times: no such product",
        "replayed: 2",
    ]
    assert broker.count(queue) == 2


@pytest.mark.parametrize("url", ["", "amqp://guest:guest@127.0.0.1:1/%2F"])
def test_without_a_broker_the_answer_is_503_and_says_so(api: APIClient, settings: Any, url: str) -> None:
    settings.RABBITMQ_URL = url

    answers = [api.get("/dead-letters/"), api.post("/dead-letters/m1/replay/")]
    assert [(answer.status_code, "broker is away" in answer.data["detail"]) for answer in answers] == [(503, True)] * 2
