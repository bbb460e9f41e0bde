"""The Celery tasks: the workflow of an order, and the periodic restock and reconcile.

    fulfil_order (stock) ─┬─ write_invoice ── email_invoice
                          └─ print_label
    the parcel leaves with the invoice and the label: whichever of the two ends last ships it

No chord joins them. A chord counts results in a backend, which is one more store that must not lose anything. A step
that is given up ends a chord permanently, even if its dead letter is replayed. Here the rows of the steps are the count.
"""

import logging
from datetime import timedelta
from typing import Any

from celery import group, shared_task
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils import timezone

from fulfilment import services
from fulfilment.mail import MailRefused, MailServerUnavailable
from fulfilment.models import Step, TaskFailure
from patterns.messaging.reliable_task import ReliableTask
from patterns.messaging.reliable_task.outages import GIVEN_UP

logger = logging.getLogger(__name__)

DAY_SECONDS = 24 * 3600
DONE = {True: "done", False: "already done"}


class OrderTask(ReliableTask):
    """Takes an order's id. What holds the order up is a line of its timeline."""

    abstract = True
    # No retry helps: an order that is not there will not come, as its event was published after the commit;
    # a refused mail stays refused; the arguments stay as they are.
    dont_autoretry_for = (ObjectDoesNotExist, ValidationError, TypeError, MailRefused)
    # The work takes milliseconds. What takes long is a broker with a memory alarm, to which the next task cannot be handed
    # yet; the time limit would count that as the task's failure.
    soft_time_limit = 600
    time_limit = 620

    def remark(self, what: str, detail: str, task_id: str, args: Any) -> None:
        name = str(self.name).rpartition(".")[2].replace("_", " ")
        if what == GIVEN_UP:
            TaskFailure.objects.note(task_id=task_id, reason=f"{name} {what}: {detail}")
        Step.objects.remark(order_id=args[0], name=f"{name} {what}", detail=detail)


@shared_task(base=OrderTask)
def fulfil_order(order_id: str) -> None:
    """May run any number of times, also at once, like all that follow it. An unknown order ends in the dead letters."""
    if not services.book_stock(order_id=order_id):
        logger.info("order %s: out of stock", order_id)
        return
    logger.info("order %s: stock booked", order_id)
    group(write_invoice.si(order_id) | email_invoice.si(order_id), print_label.si(order_id)).apply_async()


@shared_task(base=OrderTask)
def write_invoice(order_id: str) -> None:
    logger.info("order %s: invoice %s", order_id, DONE[services.write_invoice(order_id=order_id)])


@shared_task(base=OrderTask)
def print_label(order_id: str) -> None:
    logger.info("order %s: label %s", order_id, DONE[services.print_label(order_id=order_id)])


@shared_task(base=OrderTask, outages=(*OrderTask.outages, MailServerUnavailable), outage_seconds=DAY_SECONDS)
def email_invoice(order_id: str) -> None:
    logger.info("order %s: email %s", order_id, DONE[services.email_invoice(order_id=order_id)])


@shared_task(base=ReliableTask)
def restock() -> None:
    """However many clocks send it, a period has one restock."""
    report = services.restock(now=timezone.now(), every=timedelta(seconds=settings.RESTOCK_SECONDS))
    logger.info("restock: %s", "already done" if report is None else f"{len(report.pieces)} products")


@shared_task(base=ReliableTask)
def reconcile() -> None:
    """The clock's: see the command of this name."""
    from fulfilment import reconciler  # it sends the tasks of this module

    logger.info("reconcile: %d orders sent again", reconciler.reconcile())
