"""The dead letters over HTTP and on the command line, against a real broker."""

import html
import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pika
import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from fulfilment.messaging import letters, topology
from tests.conftest import Broker
from tests.processes import service


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


pytestmark = pytest.mark.django_db


def test_dead_letters_are_listed_with_their_reason_and_the_requests_id(api: APIClient, queue: str) -> None:
    first, second = api.get("/dead-letters/").data

    letter = {"queue": queue, "reason": "no such product", "retries": 3, "correlation_id": "request-1", "is_readable": True}
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


@pytest.mark.parametrize("message_id", ["a/b", "/", "a b?c#d%2F", "..", "é", "x" * 255, "x/replay", "<b>"])
def test_any_id_can_be_listed_replayed_and_dropped(api: APIClient, broker: Broker, queue: str, message_id: str) -> None:
    for _ in range(2):
        broker.channel.basic_publish("", f"{queue}.dead", b"{}", pika.BasicProperties(message_id=message_id[:255]))
    path = f"/dead-letters/{quote(message_id, safe='')}"

    assert [letter["message_id"] for letter in api.get("/dead-letters/").data] == ["m0", "m1", message_id, message_id]
    assert html.escape(message_id) in api.get("/flow/").content.decode()
    assert api.post(f"{path}/replay/").data == {"replayed": 1}
    assert api.post(f"{path}/drop/").data == {"dropped": 1}
    assert [letter["message_id"] for letter in api.get("/dead-letters/").data] == ["m0", "m1"]


def test_ids_that_no_row_can_have_hide_no_letter(api: APIClient, broker: Broker, queue: str) -> None:
    headers = {"x-death": [{"reason": "rejected"}]}
    for message_id in ("nul\x00", "line\nbreak", ""):
        properties = pika.BasicProperties(message_id=message_id, headers=headers)
        broker.channel.basic_publish("", f"{queue}.dead", b"{}", properties)

    assert len(api.get("/dead-letters/").data) == 5
    assert api.get("/flow/").status_code == 200
    assert api.post("/flow/dead-letters/drop/", {"message_id": "nul\x00"}).status_code == 303
    assert len(api.get("/dead-letters/").data) == 4


class Milliseconds(pika.BasicProperties):
    """A header with milliseconds where AMQP has seconds: pika cannot decode the year 58883."""

    def encode(self) -> list[bytes]:
        table = b"\x07sent-atT" + (1_796_017_368_000).to_bytes(8, "big")
        return [self.FLAG_HEADERS.to_bytes(2, "big"), len(table).to_bytes(4, "big"), table]


def test_a_letter_that_cannot_be_decoded_hides_no_other(api: APIClient, broker: Broker, queue: str) -> None:
    broker.channel.basic_publish("", f"{queue}.dead", b"odd", Milliseconds())
    said = io.StringIO()
    call_command("dead_letters", stdout=said)

    *_, odd = api.get("/dead-letters/").data
    assert (odd["is_readable"], odd["reason"].partition(":")[0]) == (False, "cannot be decoded")
    assert [api.get(path).status_code for path in ("/ledger/", "/flow/")] == [200, 200]
    assert "cannot be decoded" in said.getvalue()
    assert api.post(f"/dead-letters/{odd['message_id']}/replay/").status_code == 404
    assert api.post(f"/dead-letters/{odd['message_id']}/drop/").data == {"dropped": 1}


def test_a_letter_behind_a_thousand_others_is_found_and_many_readers_cost_as_much_as_one(
    api: APIClient, broker: Broker, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1_100):
        broker.channel.basic_publish("", f"{queue}.dead", b"{}", pika.BasicProperties(message_id=f"n{number}"))
    reads = []
    read = letters.read
    monkeypatch.setattr(letters, "read", lambda connection, limit: reads.append(limit) or read(connection, limit=limit))

    assert [len(api.get("/dead-letters/").data) for _ in range(3)] == [200] * 3
    assert api.get("/ledger/").data["dead_letters"] == 1_102
    assert reads == [letters.MOST]
    assert api.post("/dead-letters/n1099/replay/").data == {"replayed": 1}
    assert api.get("/ledger/").data["dead_letters"] == 1_101


@pytest.mark.parametrize("url", ["", "amqp://guest:guest@127.0.0.1:1/%2F"])
def test_without_a_broker_the_answer_is_503_and_says_so(api: APIClient, settings: Any, url: str) -> None:
    settings.RABBITMQ_URL = url

    answers = [api.get("/dead-letters/"), api.post("/dead-letters/m1/replay/")]
    assert [(answer.status_code, "broker is unavailable" in answer.data["detail"]) for answer in answers] == [(503, True)] * 2


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_live_answers_within_a_second_while_three_people_look_at_ten_thousand_letters(broker: Broker, queue: str, tmp_path: Path) -> None:
    for number in range(10_000):
        broker.channel.basic_publish("", f"{queue}.dead", b"{}", pika.BasicProperties(message_id=f"n{number}"))
    with service(broker, tmp_path) as shop, ThreadPoolExecutor(3) as people:
        url = f"http://127.0.0.1:{shop.web_port}"
        httpx.get(f"{url}/live", timeout=30)  # the first request loads the service
        ends_at = time.monotonic() + 15

        def look() -> int:
            seen = 0
            while time.monotonic() < ends_at:
                assert httpx.get(f"{url}/flow/", timeout=30).status_code == 200
                seen += 1
                time.sleep(2)  # as the page does
            return seen

        looking = [people.submit(look) for _ in range(3)]
        waits = []
        while time.monotonic() < ends_at:
            began = time.monotonic()
            assert httpx.get(f"{url}/live", timeout=30).status_code == 200
            waits.append(time.monotonic() - began)
            time.sleep(0.05)
        assert all(person.result() > 2 for person in looking)
    assert max(waits) < 1
