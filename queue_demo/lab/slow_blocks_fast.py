"""A slow Celery task blocks the emails.

Eight reports are requested, then twenty emails. The naive worker has one queue and two
child processes: two reports run, and six wait in front of the emails. The solved side has
one queue per class of work, and one worker with one child for each. The reports end when
the emails are done, or when it is clear that they will not be.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path

from celery import Celery

from lab import corner, fresh_tally, note, tally, worker
from labkit import Counts, Experiment
from labkit.processes import wait_until
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

REPORTS, EMAILS, CHILDREN = 8, 20, 2
NEVER_SECONDS = 1  # without an email while every child holds a report: more would only be more of the same


def register(app: Celery, **options: object) -> Celery:
    @app.task(name="report", **options)
    def report(gate: str) -> None:
        note("report begun")
        while not Path(gate).exists():
            time.sleep(0.01)

    @app.task(name="email", **options)
    def email() -> None:
        note("email")

    return app


def naive_app(name: str) -> Celery:
    app = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(task_default_queue=f"{name}.all", task_ignore_result=True)
    return register(app)


def solved_app(name: str) -> Celery:
    app = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    queues = [reliable_queue(f"{name}.{kind}", dead_letters=f"{name}.dead") for kind in ("reports", "emails")]
    routes = {kind: {"queue": f"{name}.{kind}s", "routing_key": f"{name}.{kind}s"} for kind in ("report", "email")}
    app.conf.update(SETTINGS, task_queues=queues, task_routes=routes)
    return register(app, base=ReliableTask, time_limit=60)


def naive() -> Counts:
    with corner() as here:
        here.keep("all")
        with worker(here, naive_app, f"--concurrency={CHILDREN}"):
            return run(naive_app(here.name), wait_seconds=NEVER_SECONDS)


def solved() -> Counts:
    with corner() as here, contextlib.ExitStack() as workers:
        app = solved_app(here.name)
        with app.connection_for_write() as opened:
            for kind in ("reports", "emails"):
                queue = here.keep(kind)
                here.keep(f"{kind}.dead")
                dead_letter_queue(queue, dead_letters=f"{here.name}.dead")(opened.default_channel).declare()  # type: ignore[no-untyped-call]
        here.keep("dead")
        for kind in ("reports", "emails"):
            workers.enter_context(worker(here, solved_app, "--concurrency=1", "-Q", f"{here.name}.{kind}"))
        return run(app, wait_seconds=60)


def run(app: Celery, *, wait_seconds: float) -> Counts:
    fresh_tally()
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder) / "gate"
        for _ in range(REPORTS):
            app.send_task("report", [str(gate)])
        wait_until(lambda: tally()["report begun"] > 0, timeout_seconds=120, what="the first report")
        for _ in range(EMAILS):
            app.send_task("email")
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: tally()["email"] == EMAILS, timeout_seconds=wait_seconds, what="the emails")
        in_time = tally()["email"]
        gate.touch()
        wait_until(lambda: (tally()["report begun"], tally()["email"]) == (REPORTS, EMAILS), timeout_seconds=120, what="all work")
    return {"reports": REPORTS, "emails": EMAILS, "emails_done_while_reports_ran": in_time, "emails_done_in_the_end": tally()["email"]}


experiment = Experiment(
    challenge="A slow Celery task blocks the emails",
    solution="one queue and one worker per class of work, prefetch 1, time limits",
    load=(
        f"{REPORTS} reports, then {EMAILS} emails, for {CHILDREN} children; "
        f"each report runs until the emails are done, or for {NEVER_SECONDS} s"
    ),
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["emails_done_while_reports_ran"] == 0,
    holds=lambda counts: counts["emails_done_while_reports_ran"] == EMAILS,
    proof=("emails_done_while_reports_ran",),
    code="patterns/messaging/reliable_task",
)
