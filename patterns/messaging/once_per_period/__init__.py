"""Once per period: however many schedulers fire, a period's work is done once.

Problem
    A deploy starts a second Celery beat, and the restock is ordered twice. A singleton
    scheduler is a single point of failure.

Guarantee
    - `claim` is true for one transaction per period; concurrent callers wait.
    - If that transaction rolls back, the period is free again.
    - Outside a transaction it raises.
    - `prune` keeps the latest period of each name, which may not be over.

Not guaranteed
    Missed periods are not caught up. Wrong clocks claim another period. Effects outside
    the database.

Cost
    One INSERT per run. One row per period until pruned.

Use instead
    RedBeat. A Kubernetes CronJob with `concurrencyPolicy: Forbid`. Procrastinate's
    periodic tasks. (Checked 2026-11.)

Source: Google, "Site Reliability Engineering", chapter 24.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.messaging.once_per_period"]

    # your code
    from datetime import timedelta
    from django.db import transaction
    from patterns.messaging.once_per_period.models import Period

    def restock(now, day=timedelta(days=1)):
        with transaction.atomic():
            if Period.objects.claim(name="restock", now=now, length=day):
                print("order in this transaction; days begin at midnight UTC")

    $ python manage.py migrate
    $ python manage.py prune_once_per_period --older-than 90d
"""
