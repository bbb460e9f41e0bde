"""Inbox: an idempotent consumer gives a message that is delivered twice one effect.

Problem
    A consumer dies before the acknowledgement, and the broker delivers again: the
    customer gets two invoices.

Guarantee
    - `new` returns an id to one transaction; concurrent callers wait for its end.
    - If that transaction rolls back, the id is new again.
    - Outside a transaction it raises.
    - An id that stands twice in a batch is new once. Consumers have separate ids.

Not guaranteed
    Effects outside the database, such as emails. A pruned id is new again.

Cost
    One INSERT per batch. One row per message until pruned.

Use instead
    A unique constraint on the effect's own row, if it has one. DBOS or Temporal, for
    workflows. (Checked 2026-11.)

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
