"""RabbitMQ confirmed the message, and no queue got it.

A hundred events are published before any queue is bound for them; then one is bound. The
naive publisher asks for confirms. The broker confirms each event and drops it, as the
protocol says. The solved one also sets `mandatory`, so the broker returns the event: the
relay keeps it in the outbox and retries.
"""

from datetime import timedelta

import pika
from django.db import transaction
from django.utils import timezone

from lab import Corner, corner
from labkit import Counts, Experiment
from labkit.logs import quiet
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import REFUSAL_CAP_SECONDS, Relay
from patterns.messaging.publisher import Publisher

EVENTS = 100


def naive() -> Counts:
    with corner() as here:
        exchange = here.keep("events")
        here.channel.exchange_declare(exchange, "topic", durable=True)
        connection = pika.BlockingConnection(pika.URLParameters(here.url))
        channel = connection.channel()
        channel.confirm_delivery()
        told = 0
        for _ in range(EVENTS):
            try:
                channel.basic_publish(exchange, "order.placed", b"{}")
            except pika.exceptions.AMQPError:
                told += 1
        queue = bind(here, exchange)
        connection.close()
        return counted(here, queue, told=told)


def solved() -> Counts:
    OutboxEvent.objects.all().delete()
    with corner() as here:
        exchange = here.keep("events")
        here.channel.exchange_declare(exchange, "topic", durable=True)
        with transaction.atomic():
            for number in range(EVENTS):
                OutboxEvent.objects.append(aggregate=f"order/{number}", routing_key="order.placed", payload={})
        publisher = Publisher(here.url, exchange)
        try:
            with quiet():
                relay = Relay(publisher.publish, batch_size=EVENTS + 1)  # a batch that is a whole round
                told = relay.run_once().refused
                queue = bind(here, exchange)
                # the time is an argument: no need to wait for the retry
                relay.run_once(now=timezone.now() + timedelta(seconds=REFUSAL_CAP_SECONDS))
        finally:
            publisher.close()
        return counted(here, queue, told=told)


def bind(here: Corner, exchange: str) -> str:
    queue = here.keep("late")
    here.channel.queue_declare(queue, durable=True)
    here.channel.queue_bind(queue, exchange, "order.placed")
    return queue


def counted(here: Corner, queue: str, *, told: int) -> Counts:
    arrived = here.waiting(queue)
    return {
        "published": EVENTS,
        "publisher_got_an_error": told,
        "arrived_once_a_queue_was_bound": arrived,
        "silently_dropped": EVENTS - arrived,
    }


experiment = Experiment(
    challenge="RabbitMQ confirmed the message, and no queue got it",
    solution="confirms and mandatory: a returned event stays in the outbox until a queue takes it",
    load=f"{EVENTS} events published before a queue is bound for them",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["silently_dropped"] == EVENTS,
    holds=lambda counts: (counts["silently_dropped"], counts["publisher_got_an_error"]) == (0, EVENTS),
    proof=("silently_dropped",),
    code="patterns/messaging/publisher",
)
