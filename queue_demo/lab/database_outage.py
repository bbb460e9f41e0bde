"""The database restarted, and good orders are in the dead letters.

PostgreSQL is stopped for thirty seconds while jobs are in flight. Both sides meet the same outage, each with its own worker and queue.
The naive task is Celery's own advice: `autoretry_for=(Exception,), retry_backoff=True`, three retries with full jitter, which last
seven seconds at most. The solved task does not count the tries that fail because the database is unavailable.
"""

import contextlib
import functools
import os
import time
from collections import Counter

import psycopg
from celery import Celery
from django.db import connection

from lab import corner, note, worker
from labkit import Counts, Experiment
from labkit.postgres import Postgres, own_postgres
from labkit.processes import wait_until
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

JOBS = 60
CHILDREN = 2
OUTAGE_SECONDS = 30
SIDES = ("naive", "solved")


def app_for(side: str, port: int, name: str) -> Celery:
    """Its workers use the database at this port."""
    queue = f"{name}.{side}"
    app = Celery(queue, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(SETTINGS, task_queues=[reliable_queue(queue, dead_letters=f"{queue}.dead")])
    app.conf.update(task_default_queue=queue, task_default_exchange=queue, task_default_routing_key=queue)
    connection.settings_dict |= {"HOST": Postgres.host, "PORT": str(port), "USER": Postgres.user, "NAME": Postgres.database}
    return app


def naive_app(port: int, name: str) -> Celery:
    app = app_for("naive", port, name)

    @app.task(name="job", base=ReliableTask, outages=(), autoretry_for=(Exception,), retry_backoff=True, max_retries=3)
    def job(number: int) -> None:
        note(f"naive {number}")
        time.sleep(0.2)

    return app


def solved_app(port: int, name: str) -> Celery:
    app = app_for("solved", port, name)

    @app.task(name="job", base=ReliableTask, max_retries=3, outage_pause_seconds=4)
    def job(number: int) -> None:
        note(f"solved {number}")
        time.sleep(0.2)

    return app


def naive() -> Counts:
    outage.cache_clear()
    return outage()["naive"]


def solved() -> Counts:
    return outage()["solved"]


@functools.cache
def outage() -> dict[str, Counts]:
    """What both sides counted in one outage: a minute less than two."""
    before = dict(connection.settings_dict)
    with corner() as here, own_postgres() as database, contextlib.ExitStack() as workers:
        with psycopg.connect(database.url) as opened:
            opened.execute("CREATE TABLE lab_tally (what text NOT NULL)")
        apps = {}
        for side, make in zip(SIDES, (naive_app, solved_app), strict=True):
            queue, dead = here.keep(side), here.keep(f"{side}.dead")
            apps[side] = app = make(database.port, here.name)
            connection.settings_dict |= before  # that of this process stays as it is
            with app.connection_for_write() as broker:
                dead_letter_queue(queue, dead_letters=dead)(broker.default_channel).declare()  # type: ignore[no-untyped-call]
            workers.enter_context(worker(here, functools.partial(make, database.port), f"--concurrency={CHILDREN}"))
            app.send_task("job", [0])
        wait_until(lambda: len(effects(database)) == len(SIDES), timeout_seconds=60, what="the workers of both sides")
        for app in apps.values():
            for number in range(1, JOBS):
                app.send_task("job", [number])
        database.stop()
        time.sleep(OUTAGE_SECONDS)
        database.start()

        def counts(side: str) -> Counts:
            dead = here.waiting(f"{here.name}.{side}.dead")
            return {"jobs": JOBS, "dead_letters": dead, "lost": JOBS - effects(database)[side] - dead}

        wait_until(lambda: all(counts(side)["lost"] <= 0 for side in SIDES), timeout_seconds=60, what="all jobs")
        return {side: counts(side) for side in SIDES}


def effects(database: Postgres) -> Counter[str]:
    """How many different jobs of each side had their effect."""
    with psycopg.connect(database.url) as opened:
        return Counter(what.partition(" ")[0] for (what,) in opened.execute("SELECT DISTINCT what FROM lab_tally"))


experiment = Experiment(
    challenge="The database restarted, and good orders are in the dead letters",
    solution="tries during an outage of the infrastructure do not count, for six hours",
    load=f"{JOBS} jobs in flight while PostgreSQL is stopped for {OUTAGE_SECONDS} s",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["dead_letters"] > 0,
    holds=lambda counts: (counts["dead_letters"], counts["lost"]) == (0, 0),
    proof=("dead_letters",),
    code="patterns/messaging/reliable_task/outages.py",
)
