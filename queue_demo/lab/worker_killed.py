"""The Celery worker was killed and its tasks were lost.

Four hundred jobs, five of which are deadly on their first run. Four kill the child that
runs them, with SIGKILL: half of them before their effect, half between the effect and the
end. One kills the whole worker, which is started again. The naive task is the usual advice:
`acks_late=True`. A job is lost if it never had its effect.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from celery import Celery
from django.db import transaction

from lab import Corner, corner, fresh_tally, note, tally, worker
from labkit import Counts, Experiment
from labkit.processes import wait_until
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

JOBS = 400
LAST = JOBS  # one more, behind all others: when it runs, they have begun
CHILDREN = 4
DEADLY = range(100, 100 + CHILDREN)  # all at once, every child: none is free before Celery has found out
DEADLIEST = 301  # odd: after its effect. And late: whatever waits for a second run does so in the worker that survives


def app_for(name: str) -> Celery:
    app = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(task_default_queue=name, task_default_exchange=name, task_default_routing_key=name)
    return app


def naive_app(name: str) -> Celery:
    app = app_for(f"{name}.naive")

    @app.task(name="job", bind=True, acks_late=True, ignore_result=True)
    def job(task: Any, number: int) -> None:
        if_first(number, "before")
        note(f"effect {number}")
        if_first(number, "after")

    return app


def solved_app(name: str) -> Celery:
    queue = f"{name}.solved"
    app = app_for(queue)
    app.conf.update(SETTINGS, task_queues=[reliable_queue(queue, dead_letters=f"{queue}.dead")])

    @app.task(name="job", bind=True, base=ReliableTask)
    def job(task: Any, number: int) -> None:
        if_first(number, "before")
        with transaction.atomic():
            if Inbox.objects.new(consumer=queue, message_ids=[str(number)]):
                note(f"effect {number}")
        if_first(number, "after")

    return app


def if_first(number: int, moment: str) -> None:
    """Kills whoever runs the job, if it is a deadly one, this is its moment, and it has not killed yet."""
    if number != DEADLIEST and number not in DEADLY:
        return
    if moment == ("after" if number % 2 else "before") and not tally()[f"death {number}"]:
        note(f"death {number}")
        if number == DEADLIEST:
            os.killpg(0, signal.SIGKILL)  # the worker with all its children, as a container is killed
        os.kill(os.getpid(), signal.SIGKILL)


def naive() -> Counts:
    with corner() as here:
        return run(here, here.keep("naive"), naive_app)


def solved() -> Counts:
    with corner() as here:
        queue = here.keep("solved")
        here.keep("solved.dead")
        with solved_app(here.name).connection_for_write() as opened:
            dead_letter_queue(queue, dead_letters=f"{queue}.dead")(opened.default_channel).declare()  # type: ignore[no-untyped-call]
        return run(here, queue, solved_app)


def run(here: Corner, queue: str, make: Callable[[str], Celery]) -> Counts:
    fresh_tally()
    app = make(here.name)
    app.conf.broker_transport_options = {}  # without confirms: how the jobs get into the queue is not what is measured
    with app.producer_pool.acquire() as producer:
        for number in range(JOBS + 1):
            app.send_task("job", [number], producer=producer)
    with worker(here, make, f"--concurrency={CHILDREN}") as killed:
        killed.join(120)
    with worker(here, make, f"--concurrency={CHILDREN}") as stopped:
        wait_until(lambda: tally()[f"effect {LAST}"] > 0, timeout_seconds=120, what="the last job")
        stopped.terminate()  # a warm shutdown: what it has in hand, it ends
        stopped.join(30)
    effects = [tally()[f"effect {number}"] for number in range(JOBS)]
    return {
        "jobs": JOBS,
        "kills": sum(what.startswith("death") for what in tally()),
        "lost": effects.count(0),
        "effects_twice": sum(count > 1 for count in effects),
        "left_in_the_queue": here.waiting(queue),
    }


experiment = Experiment(
    challenge="The Celery worker was killed and its tasks were lost",
    solution="a quorum queue with a delivery limit, late acks, reject on worker lost, and an inbox for the effect",
    load=f"{JOBS:,} jobs, of which {len(DEADLY)} kill their child and 1 kills the whole worker, once each (SIGKILL)",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["lost"] > 0,
    holds=lambda counts: (counts["lost"], counts["effects_twice"], counts["left_in_the_queue"]) == (0, 0, 0),
    proof=("lost", "effects_twice"),
    code="patterns/messaging/reliable_task",
)
