"""Transactional outbox: publish an event if and only if its transaction commits.

Problem
    Save, then publish: a crash in between loses the event. Publish, then save: a
    rollback leaves an event without an order.

Guarantee
    - An event is stored in the change's transaction, or refused.
    - It is marked published after the broker's confirm.
    - Events of one aggregate keep their order, also with several relays.
    - A rejected event delays only its aggregate; it is retried within 30 s.
    - A turn costs the same with any backlog.

Not guaranteed
    Exactly-once (see inbox). Order of concurrent transactions.

Cost
    One INSERT and one confirm per event. Latency up to `idle_seconds`.

Use instead
    Django Tasks or Procrastinate, without a broker. django-celery-outbox, for tasks.
    Debezium, with Kafka. (Checked 2026-11.)

Source: microservices.io.

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
