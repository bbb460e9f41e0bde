"""Inbox: an idempotent consumer gives a message that is delivered twice one effect.

Problem
    A broker that loses nothing delivers some messages twice: the relay died after the
    confirm, or the consumer before the acknowledgement. The customer gets two emails.

Guarantee
    - `new` returns an id to one transaction; concurrent callers wait for its end.
    - If that transaction rolls back, the id is new again.
    - Outside a transaction it raises: id and effect must commit together.
    - An id that stands twice in a batch is new once. Consumers have separate ids.

Not guaranteed
    Effects outside the database: an email stays sent after a rollback. Send it under an
    idempotency key. A pruned id is new again: keep ids longer than queues and dead
    letters keep messages.

Cost
    One INSERT per batch, in the effect's transaction. One row per message until pruned.

Use instead
    A unique constraint or a condition (`WHERE fulfilled_at IS NULL`) on the effect's
    own row, if it has one. DBOS or Temporal, for workflows. (Checked 2026-11.)

Source: microservices.io, "Idempotent consumer".

Use
    # settings.py
    INSTALLED_APPS += ["patterns.messaging.inbox"]

    # your code
    from django.db import transaction
    from patterns.messaging.inbox.models import Inbox

    def handle(message_id):
        with transaction.atomic():
            if Inbox.objects.new(consumer="invoices", message_ids=[message_id]):
                print("write the invoice in this transaction")

    $ python manage.py migrate
    $ python manage.py prune_inbox --older-than 30d
"""
