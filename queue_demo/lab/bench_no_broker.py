"""Jobs per second and memory of one flow: outbox, RabbitMQ and inbox; Django Tasks; Procrastinate. One worker each."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import psutil
from django.db import connection, transaction

from lab import Corner, corner, fresh_tally, note, process
from lab.job_queues.flow import DEADLY, JOBS
from lab.no_broker import PROJECT, WORKERS, Child, all_are_done, consume_orders, enqueue_jobs, relay_events, work_queue
from labkit.bench import Measured, Work
from labkit.processes import running, wait_until
from patterns.messaging.inbox.models import Inbox
from patterns.messaging.outbox.models import OutboxEvent

BROKER = "outbox, RabbitMQ, inbox"


def with_broker(here: Corner) -> Measured:
    for number in range(JOBS + 1):
        with transaction.atomic():
            OutboxEvent.objects.append(aggregate=f"order:{number}", routing_key="order.placed", payload={"number": number})
    with process(relay_events, here.url, here.name) as relay, process(consume_orders, here.url, here.name) as consumer:
        return drained(here, lambda: megabytes([relay, consumer]) + broker_megabytes(here.url))


def without(library: str, here: Corner) -> Measured:
    enqueue_jobs("solved")
    with running([*PROJECT, *WORKERS[library]], SIDE="solved") as worker:
        return drained(here, lambda: megabytes([worker]))


def drained(here: Corner, memory: Callable[[], float]) -> Measured:
    """From the first effect to the last: how long a process takes to start is not the question."""

    def are_done() -> bool:
        here.channel.connection.process_data_events(0)  # answers heartbeats
        return all_are_done()

    wait_until(are_done, timeout_seconds=120, what="all jobs")
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM max(at) - min(at)) FROM lab_tally WHERE what LIKE 'invoice%'")
        return Measured(float(cursor.fetchone()[0]), {"MB": memory()})


def fresh(work: Callable[[], Measured]) -> Measured:
    fresh_tally()
    for number in DEADLY:  # as if each had killed its worker already: nothing dies here
        note(f"death {number}")
    Inbox.objects.all().delete()
    return work()


def megabytes(children: list[Child]) -> float:
    """Their proportional set size, with that of their own children."""
    parents = [psutil.Process(child.pid) for child in children if child.pid]
    family = [each for parent in parents for each in (parent, *parent.children(recursive=True))]
    return round(sum(each.memory_full_info().pss for each in family) / 1e6)


def broker_megabytes(url: str) -> float:
    """RabbitMQ, which the run has started: the process that listens there."""
    port = urlsplit(url).port
    found = {
        each.pid for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    }
    return round(sum(psutil.Process(pid).memory_full_info().pss for pid in found if pid) / 1e6)


@contextlib.contextmanager
def ways() -> Iterator[Mapping[str, Work]]:
    with corner() as here:
        queue = work_queue(here.name)
        here.queues += [*queue.queues(), queue.exchange]
        queue.declare(here.channel)
        yield {
            BROKER: functools.partial(fresh, functools.partial(with_broker, here)),
            "Django Tasks, database backend": functools.partial(fresh, functools.partial(without, "django_tasks", here)),
            "Procrastinate": functools.partial(fresh, functools.partial(without, "procrastinate", here)),
        }
