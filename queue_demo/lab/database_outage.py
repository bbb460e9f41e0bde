"""The database restarted, and good orders are in the dead letters.

Sixty jobs are in flight when PostgreSQL stops accepting connections for ten seconds. The naive task is Celery's own advice:
`autoretry_for=(Exception,), retry_backoff=True`, three retries with full jitter, which last seven seconds at most. The solved one
waits outages out: tries that fail because the database is away do not count.
"""

import functools
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from celery import Celery
from django.db import connection

from lab import Corner, corner, fresh_tally, note, tally, worker
from labkit import Counts, Experiment, FaultProxy
from labkit.processes import wait_until
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

JOBS = 60
CHILDREN = 2
OUTAGE_SECONDS = 10  # more than three retries last; a restart with recovery takes as long
Make = Callable[[int, str], Celery]


def app_for(port: int, name: str) -> Celery:
    """Its workers reach the database through this port."""
    queue = f"{name}.jobs"
    app = Celery(queue, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(SETTINGS, task_queues=[reliable_queue(queue, dead_letters=f"{queue}.dead")])
    app.conf.update(task_default_queue=queue, task_default_exchange=queue, task_default_routing_key=queue)
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(port)}
    return app


def naive_app(port: int, name: str) -> Celery:
    app = app_for(port, name)

    @app.task(name="job", base=ReliableTask, outages=(), autoretry_for=(Exception,), retry_backoff=True, max_retries=3)
    def job(number: int) -> None:
        note(f"effect {number}")
        time.sleep(0.05)

    return app


def solved_app(port: int, name: str) -> Celery:
    app = app_for(port, name)

    @app.task(name="job", base=ReliableTask, max_retries=3, outage_pause_seconds=4)
    def job(number: int) -> None:
        note(f"effect {number}")
        time.sleep(0.05)

    return app


def naive() -> Counts:
    return run(naive_app)


def solved() -> Counts:
    return run(solved_app)


def run(make: Make) -> Counts:
    fresh_tally()
    before = dict(connection.settings_dict)
    parts = urlsplit(os.environ["DATABASE_URL"])
    with corner() as here, FaultProxy(parts.hostname or "localhost", parts.port or 5432) as proxy:
        queue, dead = here.keep("jobs"), here.keep("jobs.dead")
        app = make(proxy.port, here.name)
        connection.settings_dict |= before  # ours stays as it is
        with app.connection_for_write() as opened:
            dead_letter_queue(queue, dead_letters=dead)(opened.default_channel).declare()  # type: ignore[no-untyped-call]
        with worker(here, functools.partial(make, proxy.port), f"--concurrency={CHILDREN}"):
            for number in range(JOBS):
                app.send_task("job", [number])
            wait_until(lambda: len(tally()) >= CHILDREN, timeout_seconds=60, what="the first jobs")
            proxy.set("refuse")
            time.sleep(OUTAGE_SECONDS)
            proxy.set("pass")
            wait_until(lambda: len(tally()) + here.waiting(dead) >= JOBS, timeout_seconds=120, what="all jobs")
        return counted(here, dead)


def counted(here: Corner, dead: str) -> Counts:
    return {"jobs": JOBS, "dead_letters": here.waiting(dead), "lost": JOBS - len(tally()) - here.waiting(dead)}


experiment = Experiment(
    challenge="The database restarted, and good orders are in the dead letters",
    solution="tries during an outage of the infrastructure do not count, for six hours",
    load=f"{JOBS} jobs in flight while PostgreSQL refuses connections for {OUTAGE_SECONDS} s",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["dead_letters"] > 0,
    holds=lambda counts: (counts["dead_letters"], counts["lost"]) == (0, 0),
    proof=("dead_letters",),
    code="patterns/messaging/reliable_task/outages.py",
)
