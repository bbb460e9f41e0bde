"""Celery beat as a loop that can be stopped: sends the tasks of `beat_schedule` when they are due."""

import threading
from collections.abc import Callable

from celery.beat import Service

from fulfilment.tasks import restock

LONGEST_REST_SECONDS = 1


def run(*, stop: threading.Event, on_turn: Callable[[], None] = lambda: None) -> None:
    """Ticks until `stop` is set. While the broker is away a tick waits for it, however long: run it in a thread that may be left behind."""
    app = restock.app
    # the setting is for the command `celery beat`; unasked, Service keeps a file
    scheduler = Service(app, max_interval=LONGEST_REST_SECONDS, scheduler_cls=app.conf.beat_scheduler).scheduler
    while not stop.is_set():
        on_turn()
        stop.wait(min(scheduler.tick(), LONGEST_REST_SECONDS))
