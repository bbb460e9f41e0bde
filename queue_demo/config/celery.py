"""The Celery worker: `celery -A config worker --concurrency 2`. Its settings are in celeryconfig.py."""

import functools
import logging
import os
from typing import Any

from celery import Celery, bootsteps
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun, worker_init

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("fulfilment")
app.config_from_object("config.celeryconfig")
app.autodiscover_tasks()

from fulfilment.messaging import tracing  # noqa: E402 — like the app, it needs the name of the settings

before_task_publish.connect(tracing.mark_task)
task_prerun.connect(tracing.enter_task)
task_postrun.connect(tracing.leave_task)


@setup_logging.connect
def keep_the_settings_logging(**_: Any) -> None:
    """Celery would replace it by its own, which knows no request id. Connected, this signal keeps it from doing so."""


@worker_init.connect
def load_before_the_children_are_forked(**_: Any) -> None:
    """They share the 25 MB of the PDF library, and the first invoice is not the one that waits for it."""
    import fpdf  # noqa: F401


@worker_init.connect
def migrate_the_queue(sender: Any, **_: Any) -> None:
    """A queue that was declared with other arguments would end the worker. While another worker has it, it stays."""
    if sender.app.main != app.main:  # an experiment's
        return
    from fulfilment.messaging import topology
    from patterns.messaging.publisher import CONNECTION_ERRORS
    from patterns.messaging.topology.migration import StillConsumed

    try:
        topology.migrate_tasks()
    except (*CONNECTION_ERRORS, StillConsumed) as error:
        logger.warning("could not check the arguments of the queue: %r", error)


ALIVE_INTERVAL_SECONDS = 2
DECLARED_SECONDS = 10


class DeadLetters(bootsteps.StartStopStep):
    """Declares the queue of the rejected tasks before the first is taken, and again every few seconds: an operator may remove it.

    Meanwhile rejected tasks stay in their own queue.
    """

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, consumer: Any) -> None:
        self.declare(consumer)
        self.timer = consumer.timer.call_repeatedly(DECLARED_SECONDS, self.declare, (consumer,))

    def declare(self, consumer: Any) -> None:
        from fulfilment.messaging import topology
        from patterns.messaging.reliable_task import dead_letter_queue

        with consumer.app.connection_for_write() as connection:
            dead_letter_queue(topology.TASKS, dead_letters=topology.DEAD_LETTERS)(connection.default_channel).declare()  # type: ignore[no-untyped-call]

    def stop(self, consumer: Any) -> None:
        self.timer.cancel()


class Alive(bootsteps.StartStopStep):
    """Touches ALIVE_FILE from the worker's own loop, which delivers tasks and heartbeats: a stuck loop lets the file grow old.

    Not the signal heartbeat_sent: it stays silent under --without-heartbeat.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        from django.conf import settings

        from patterns.messaging.graceful_shutdown import touch

        alive = functools.partial(touch, settings.ALIVE_FILE)
        alive()
        self.timer = consumer.timer.call_repeatedly(ALIVE_INTERVAL_SECONDS, alive)

    def stop(self, consumer: Any) -> None:
        self.timer.cancel()


app.steps["consumer"].add(DeadLetters)
app.steps["consumer"].add(Alive)
