"""The job, "write the invoice of an order", as each library's quickstart has it, and with what it needs besides."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult
from procrastinate.contrib.django import app

from lab.job_queues.flow import SIDE, STALLED_SECONDS, die_if_deadly, write_invoice
from patterns.messaging.inbox.models import Inbox

MAX_RUNS = 5


def write_invoice_once(number: int) -> None:
    """A job that is run again finds its id in the inbox. Both are one transaction."""
    die_if_deadly(number, "before")
    with transaction.atomic():
        if Inbox.objects.new(consumer="invoices", message_ids=[str(number)]):
            write_invoice(number)
    die_if_deadly(number, "after")


def write_invoice_naively(number: int) -> None:
    die_if_deadly(number, "before")
    write_invoice(number)
    die_if_deadly(number, "after")


run_job = write_invoice_once if SIDE == "solved" else write_invoice_naively


# --- Django Tasks -----------------------------------------------------------------------------------


@task()
def invoice_task(number: int) -> None:
    run_job(number)


def put_back(older_than: timedelta) -> int:
    """Tasks whose worker is dead are ready again. There is no heartbeat: no task may take longer than this."""
    count = 0
    late = DBTaskResult.objects.running().filter(started_at__lt=timezone.now() - older_than)
    for each in late:
        again = TaskResultStatus.READY if len(each.worker_ids) < MAX_RUNS else TaskResultStatus.FAILED
        # it may have ended since it was read
        count += late.filter(pk=each.pk).update(status=again)
    return count


# --- Procrastinate ----------------------------------------------------------------------------------


@app.task
def invoice_job(number: int) -> None:
    run_job(number)


async def retry_stalled(context: Any, timestamp: int) -> None:
    """Jobs of workers whose heartbeat has stopped run again."""
    for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        await context.app.job_manager.retry_job(job)


if SIDE == "solved":
    reaper = app.task(queueing_lock="retry_stalled", pass_context=True)(retry_stalled)
    app.periodic(cron="* * * * * *")(reaper)  # the sixth field: every second
