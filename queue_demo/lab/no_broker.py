"""Do I need a broker at all?

Three hundred jobs, and four kill their worker with SIGKILL on their first run: two before their effect, two after it. A supervisor
starts the worker again. Each naive side is a quickstart: Celery with RabbitMQ, Django Tasks with its database backend, Procrastinate.
Each solved side adds what it needs: outbox, acknowledgement after the effect and inbox; a reaper and the inbox; the same.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

import pika
from celery import Celery
from django.db import connection, transaction

from lab import corner, fresh_tally, process, tally, worker
from lab.job_queues.flow import DEADLY, JOBS, LAST, die_if_deadly, write_invoice
from labkit import Counts, Experiment
from labkit.processes import running, wait_until
from patterns.messaging import consumer
from patterns.messaging.graceful_shutdown import stop_on_signal
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.outbox.models import OutboxEvent
from patterns.messaging.outbox.relay import Relay
from patterns.messaging.publisher import Publisher
from patterns.messaging.topology import WorkQueue

Child = BaseProcess | subprocess.Popen[bytes]
Start = Callable[[], contextlib.AbstractContextManager[Child]]
PROJECT = ["python", "-m", "lab.job_queues"]
WORKERS = {
    "django_tasks": ["db_worker", "--interval=0.1", "--no-startup-delay", "--no-reload", "-v0"],
    "procrastinate": ["procrastinate", "worker"],
}
TABLES = {"django_tasks": "django_tasks_database_dbtaskresult", "procrastinate": "procrastinate_jobs"}


def naive() -> Counts:
    return celery_quickstart() | job_queues("naive", until=all_have_begun)


def solved() -> Counts:
    return outbox_and_inbox() | job_queues("solved", until=all_are_done)


# --- with a broker ----------------------------------------------------------------------------------


def celery_app(name: str) -> Celery:
    queue = f"{name}.jobs"
    app = Celery(queue, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(task_default_queue=queue, task_default_exchange=queue, task_default_routing_key=queue)

    @app.task(name="invoice", ignore_result=True)
    def invoice(number: int) -> None:
        die_if_deadly(number, "before")
        write_invoice(number)
        die_if_deadly(number, "after")

    return app


def celery_quickstart() -> Counts:
    fresh_tally()
    with corner() as here:
        queue = here.keep("jobs")
        app = celery_app(here.name)
        for number in range(JOBS + 1):
            app.send_task("invoice", [number])
        supervise(lambda: worker(here, celery_app, "--concurrency=1"), all_have_begun)
        return counted("rabbitmq", stuck=here.waiting(queue), processes=["RabbitMQ", "celery worker"])


def work_queue(name: str) -> WorkQueue:
    return WorkQueue(f"{name}.jobs", f"{name}.events", ["order.placed"], delays_seconds=[1])


def relay_events(url: str, name: str) -> None:
    publisher = Publisher(url, f"{name}.events")
    Relay(publisher.publish).run(stop=threading.Event(), rest=publisher.rest)


def consume_orders(url: str, name: str) -> None:
    queue = work_queue(name)

    def handle(body: bytes, properties: pika.BasicProperties) -> None:
        number = json.loads(body)["number"]
        die_if_deadly(number, "before")
        with transaction.atomic():
            if Inbox.objects.new(consumer=queue.name, message_ids=[properties.message_id]):
                write_invoice(number)
        die_if_deadly(number, "after")

    consumer.run(url, queue, handle, stop=stop_on_signal())


def outbox_and_inbox() -> Counts:
    fresh_tally()
    with corner() as here:
        queue = work_queue(here.name)
        here.queues += [*queue.queues(), queue.exchange]
        queue.declare(here.channel)
        for number in range(JOBS + 1):
            with transaction.atomic():  # and the order is saved in it
                OutboxEvent.objects.append(aggregate=f"order:{number}", routing_key="order.placed", payload={"number": number})
        with process(relay_events, here.url, here.name):
            supervise(lambda: process(consume_orders, here.url, here.name), all_are_done)
        stuck = sum(here.waiting(name) for name in queue.queues()) + OutboxEvent.objects.waiting().count()
        return counted("rabbitmq", stuck=stuck, processes=["RabbitMQ", "relay", "consumer"])


# --- without a broker -------------------------------------------------------------------------------


def job_queues(side: str, until: Callable[[], bool]) -> Counts:
    enqueue_jobs(side)
    found: Counts = {}
    for library, command in WORKERS.items():
        fresh_tally()
        Inbox.objects.all().delete()
        # Procrastinate's worker runs its reaper itself
        reaper = [[*PROJECT, "reap"]] if (library, side) == ("django_tasks", "solved") else []
        with contextlib.ExitStack() as stack:
            for argv in reaper:
                stack.enter_context(running(argv, SIDE=side))
            supervise(lambda: running([*PROJECT, *command], SIDE=side), until)  # noqa: B023
        found |= counted(library, stuck=in_hand(library), processes=[command, *reaper])
    return found


def enqueue_jobs(side: str) -> None:
    """Every job for both libraries."""
    subprocess.run([sys.executable, *PROJECT[1:], "enqueue"], env={**os.environ, "SIDE": side}, check=True)


def in_hand(library: str) -> int:
    """Jobs that a worker has taken, and not ended."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLES[library]} WHERE status::text IN ('RUNNING', 'doing')")  # noqa: S608
        return int(cursor.fetchone()[0])


# --- for all of them --------------------------------------------------------------------------------


def supervise(start: Start, done: Callable[[], bool]) -> None:
    """Starts the worker again whenever it was killed, as systemd or a container's restart policy does."""
    deaths = -1
    while not done():
        deaths += 1
        if deaths > 2 * len(DEADLY):
            raise RuntimeError("the worker does not stay up")
        with start() as child:
            wait_until(lambda: done() or is_dead(child), timeout_seconds=120, what="the jobs")
            if done():
                child.terminate()  # it ends what it has in hand
                wait_until(lambda: is_dead(child), timeout_seconds=30, what="the worker's end")


def is_dead(child: Child) -> bool:
    return child.poll() is not None if isinstance(child, subprocess.Popen) else not child.is_alive()


def all_have_begun() -> bool:
    return tally()[f"invoice {LAST}"] > 0


def all_are_done() -> bool:
    return sum(what.startswith("invoice") for what in tally()) > JOBS


def counted(way: str, *, stuck: int, processes: list[Any]) -> Counts:
    invoices = [tally()[f"invoice {number}"] for number in range(JOBS)]
    return {
        f"{way}_lost": invoices.count(0),
        f"{way}_doubled": sum(count > 1 for count in invoices),
        f"{way}_stuck": stuck,
        f"{way}_processes": len(processes),
    }


experiment = Experiment(
    challenge="Do I need a broker at all?",
    solution="no: a job table in PostgreSQL, with a reaper for jobs of dead workers and an inbox for jobs that run twice",
    load=f"{JOBS} jobs, of which {len(DEADLY)} kill their worker (SIGKILL), half of them before their effect",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["django_tasks_stuck"] > 0 and counts["procrastinate_stuck"] > 0 and counts["rabbitmq_lost"] > 0,
    holds=lambda counts: not any(count for name, count in counts.items() if not name.endswith("_processes")),
    proof=("rabbitmq_lost", "django_tasks_lost", "django_tasks_stuck", "procrastinate_lost", "procrastinate_stuck"),
    code="lab/job_queues/jobs.py",
)
