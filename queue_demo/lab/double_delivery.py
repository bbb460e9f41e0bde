"""The retry sent the email again.

A hundred events are delivered three times each, to two consumers at once. A broker and a
relay that lose nothing do that. The naive consumer does what the message says, and
acknowledges. The solved one asks its inbox in the transaction of the effect.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pika
from django.db import connection, transaction

from lab import corner, fresh_tally, note, tally
from labkit import Counts, Experiment
from patterns.messaging.inbox.models import Inbox

EVENTS, DELIVERIES, CONSUMERS = 100, 3, 2


def naive_handle(message_id: str) -> None:
    note(message_id)


def handle(message_id: str) -> None:
    with transaction.atomic():
        if Inbox.objects.new(consumer="lab.emails", message_ids=[message_id]):
            note(message_id)


def consume(queue: str, handler: Callable[[str], None]) -> int:
    """Until the queue is empty; returns how many messages there were."""
    opened = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    channel = opened.channel()
    channel.basic_qos(prefetch_count=1)  # neighbours: deliveries of one event meet in two consumers
    count = 0
    for method, properties, _ in channel.consume(queue, inactivity_timeout=0.3):
        if method is None:
            break
        handler(properties.message_id)
        channel.basic_ack(method.delivery_tag)
        count += 1
    opened.close()
    connection.close()  # this thread's, to the database
    return count


def run(handler: Callable[[str], None]) -> Counts:
    fresh_tally()
    Inbox.objects.filter(consumer="lab.emails").delete()
    with corner() as here:
        queue = here.queue("emails")
        for number in range(EVENTS):
            for _ in range(DELIVERIES):
                here.channel.basic_publish("", queue, b"{}", pika.BasicProperties(message_id=f"event-{number}"))
        with ThreadPoolExecutor(CONSUMERS) as pool:
            delivered = list(pool.map(consume, [queue] * CONSUMERS, [handler] * CONSUMERS))
    effects = tally()
    return {
        "events": len(effects),
        "deliveries": sum(delivered),
        "effects": sum(effects.values()),
        "most_effects_of_one_event": max(effects.values()),
    }


def naive() -> Counts:
    return run(naive_handle)


def solved() -> Counts:
    return run(handle)


experiment = Experiment(
    challenge="The retry sent the email again",
    solution="an inbox: the event's id is stored in the transaction of its effect",
    load=f"{EVENTS} events, each delivered {DELIVERIES} times, to {CONSUMERS} consumers at once",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["most_effects_of_one_event"] == DELIVERIES,
    holds=lambda counts: (
        counts
        == {
            "events": EVENTS,
            "deliveries": EVENTS * DELIVERIES,
            "effects": EVENTS,
            "most_effects_of_one_event": 1,
        }
    ),
    proof=("effects",),
    code="patterns/messaging/inbox/models.py",
)
