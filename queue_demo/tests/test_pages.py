"""The page that shows the flow, against a real broker."""

import json
from typing import Any

import pika
import pytest
from django.test import Client

from fulfilment import services
from fulfilment.messaging import flow, letters, topology
from fulfilment.models import Order, Product, Step
from tests.conftest import Broker


@pytest.fixture
def queues(broker: Broker, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """The events' queues are declared, the tasks' are not."""
    settings.EVENTS_EXCHANGE = broker.exchange
    for name in ("EVENTS", "TASKS"):
        monkeypatch.setattr(topology, name, f"{broker.prefix}.{ {'EVENTS': 'orders', 'TASKS': 'tasks'}[name] }")
    monkeypatch.setattr(letters, "QUEUES", (topology.EVENTS, topology.TASKS))
    topology.events_queue().declare(broker.channel)
    return broker


def put(broker: Broker, queue: str, body: Any = None, **headers: Any) -> None:
    properties = pika.BasicProperties(message_id="m1", headers=headers)
    broker.channel.basic_publish("", queue, json.dumps(body).encode(), properties)


def test_it_shows_what_waits_where(client: Client, mug: Product, queues: Broker) -> None:
    order = services.place_order(quantities={mug.sku: 1}, correlation_id="a-request")
    for _ in range(2):
        put(queues, topology.EVENTS)
    put(queues, topology.events_queue().delay(2))
    put(queues, topology.dead(topology.EVENTS), {"data": {"order_id": str(order.pk)}}, **{"x-reason": "<b>no such product</b>"})
    page = client.get("/flow/")
    html = page.content.decode()

    depths = page.context["depths"]
    assert (depths.events, depths.tasks, depths.events_put_aside, depths.dead) == (
        *(flow.Depth(2), flow.Depth(0), flow.Depth(1), flow.Depth(1)),
    )
    assert "<strong>2</strong> events wait <small>0 consumers</small>" in html
    assert "&lt;b&gt;no such product&lt;/b&gt;" in html
    assert str(order.pk) in html


def test_htmx_gets_the_inner_part_alone(client: Client, mug: Product, queues: Broker) -> None:
    whole = client.get("/flow/").content.decode()
    inner = client.get("/flow/", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in inner
    assert inner.strip() in whole
    assert whole.count("<script") == 1  # htmx, from our own address
    assert 'src="/static/django_htmx/' in whole


def test_the_button_orders_and_the_other_replays(client: Client, mug: Product, queues: Broker) -> None:
    assert client.post("/flow/orders/")["Location"] == "/flow/"
    assert client.post("/flow/orders/", headers={"HX-Request": "true"}).status_code == 200
    put(queues, topology.dead(topology.EVENTS))
    client.post("/flow/dead-letters/replay/", {"message_id": "m1"})

    assert Order.objects.count() == 2
    assert (queues.count(topology.EVENTS), queues.count(topology.dead(topology.EVENTS))) == (1, 0)


def test_a_button_of_another_site_orders_nothing(mug: Product, queues: Broker) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert [strict.post(path).status_code for path in ("/flow/orders/", "/flow/dead-letters/replay/")] == [403, 403]
    assert [strict.get(path).status_code for path in ("/flow/orders/", "/flow/dead-letters/replay/")] == [405, 405]


def test_a_task_that_failed_is_listed_with_what_it_raised(client: Client, mug: Product, queues: Broker) -> None:
    order = services.place_order(quantities={mug.sku: 1}, correlation_id="a-request")
    Step.objects.remark(order_id=order.pk, name="print label given up", detail="ZeroDivisionError")
    dead = topology.dead(topology.EVENTS)  # any queue of letters does
    put(queues, dead, [[str(order.pk)], {}, {}], **{"x-death": [{"reason": "rejected"}]})
    put(queues, dead, [["no id"], {}, {}], **{"x-death": [{"reason": "rejected"}]})

    reasons = [letter["reason"] for letter in client.get("/dead-letters/").json()]
    assert reasons == ["print label given up: ZeroDivisionError", "not a task: its name and its id must be strings"]


@pytest.mark.parametrize("url", ["", "amqp://guest:guest@127.0.0.1:1/%2F"])
def test_without_a_broker_it_says_so_and_takes_orders(client: Client, mug: Product, settings: Any, url: str) -> None:
    settings.RABBITMQ_URL = url
    client.post("/flow/orders/")
    html = client.get("/flow/").content.decode()

    assert "1 event waits in the outbox" in html
    assert client.post("/flow/dead-letters/replay/", {"message_id": "m1"}).status_code == 303
