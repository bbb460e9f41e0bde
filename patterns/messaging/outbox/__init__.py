"""Transactional outbox: publish an event if and only if its transaction commits.

Problem
    Save, then publish: if the process dies in between, nobody hears about the order.
    Publish, then save: if the transaction rolls back, consumers process an order that
    does not exist. This is the dual-write problem.

Guarantee
    - An event is stored in the same transaction as the change, or refused.
    - It is marked published only after the broker confirmed it.
    - Events of one aggregate are published in order, by any number of relays.
    - A rejected event delays only its own aggregate; it is retried within 30 s.
    - A turn of the relay costs the same with any backlog and any history.

Not guaranteed
    Exactly-once delivery. A relay killed before it marks a batch publishes the batch
    again with the same event_id. Consumers must be idempotent (see inbox). Order of
    concurrent transactions: lock the aggregate's row. SQLite: run one relay.

Cost
    One INSERT and one confirm per event. Latency up to `idle_seconds`. Rows stay until
    you prune them.

Use instead
    Django Tasks or Procrastinate, if both ends are yours and you need no broker.
    django-celery-outbox, for Celery tasks. Debezium, if you run Kafka Connect.
    (Checked 2026-11.)

Source: microservices.io, "Transactional outbox" and "Polling publisher".

Use
    # settings.py
    INSTALLED_APPS += ["patterns.messaging.outbox"]  # its label is outbox
    # the relay declares the exchange; bind a queue to it, or events wait: "no queue"
    EVENTS_EXCHANGE = "shop.events"

    # your code
    from django.db import transaction
    from patterns.messaging.outbox.models import OutboxEvent

    with transaction.atomic():  # and save the order in it
        OutboxEvent.objects.append(
            aggregate="order:1", routing_key="order.placed", payload={"id": 1}
        )

    $ python manage.py migrate
    $ python manage.py relay_outbox     (under your supervisor; connects at an event)
    $ python manage.py prune_outbox --older-than 7d
"""

REQUIRES = ("graceful_shutdown", "publisher")
