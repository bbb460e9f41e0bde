"""pika or Celery: when to use which?

The same flow with both libraries, and the same two faults. Twenty messages are published
that no queue is bound for: does the publisher get an error? Twenty jobs run, and one of
them kills its process once: how many never finish? The naive side uses each library with
its defaults (`auto_ack`, plain tasks), the solved side as this service sets it up. Celery
cannot report unroutable messages either way: that is the difference.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pika
from celery import Celery
from pika.exceptions import AMQPError

from lab import Corner, corner, fresh_tally, note, process, tally, worker
from labkit import Counts, Experiment
from labkit.processes import wait_until
from patterns.messaging import consumer
from patterns.messaging.publisher import MessageRefused, Publisher
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue
from patterns.messaging.topology import WorkQueue

JOBS, DEADLY, LAST = 20, 5, "last"


def do(job: str) -> None:
    if job == str(DEADLY) and not tally()["death"]:
        note("death")
        os.kill(os.getpid(), signal.SIGKILL)
    note(job)


# --- pika ---


def naive_pika(name: str) -> None:
    """A consumer, as a process."""
    with closing(pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))) as connection:
        for _, _, body in connection.channel().consume(f"{name}.pika", auto_ack=True):
            do(body.decode())


def solved_pika(name: str) -> None:
    consumer.run(os.environ["RABBITMQ_URL"], work_queue(name), lambda body, _: do(body.decode()), stop=threading.Event())


def work_queue(name: str) -> WorkQueue:
    return WorkQueue(f"{name}.pika", f"{name}.pika", ["job"], delays_seconds=(0.1,))


@contextmanager
def pika_twice(here: Corner, consume: Callable[[str], None]) -> Iterator[None]:
    """The process, and another one when it has died, as a supervisor would start it."""
    with process(consume, here.name) as first:
        first.join(120)
    with process(consume, here.name):
        yield


# --- Celery ---


def naive_celery(name: str) -> Celery:
    app = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False)
    app.conf.update(task_default_queue=f"{name}.celery", task_ignore_result=True)
    app.task(name="job")(do)
    return app


def solved_celery(name: str) -> Celery:
    app, queue = Celery(name, broker=os.environ["RABBITMQ_URL"], set_as_current=False), f"{name}.celery"
    app.conf.update(SETTINGS, task_queues=[reliable_queue(queue, dead_letters=f"{queue}.dead")])
    app.conf.update(task_default_queue=queue, task_default_exchange=queue, task_default_routing_key=queue)
    app.task(name="job", base=ReliableTask)(do)
    return app


# --- the faults ---


def naive() -> Counts:
    with corner() as here:
        here.queue("pika")
        here.keep("celery")
        with closing(pika.BlockingConnection(pika.URLParameters(here.url))) as connection:
            exchange, channel = unbound(here), connection.channel()
            pika_reported = errors_raised(lambda: channel.basic_publish(exchange, "job", b""), AMQPError)
        return run(here, naive_pika, naive_celery, pika_reported=pika_reported)


def solved() -> Counts:
    with corner() as here:
        queue = work_queue(here.name)
        for suffix in ("pika", "pika.dead", queue.delay(0).removeprefix(f"{here.name}."), "celery", "celery.dead"):
            here.keep(suffix)
        queue.declare(here.channel)
        with solved_celery(here.name).connection_for_write() as opened:
            dead_letter_queue(f"{here.name}.celery", dead_letters=f"{here.name}.celery.dead")(opened.default_channel).declare()  # type: ignore[no-untyped-call]
        with closing(Publisher(here.url, unbound(here))) as publisher:
            pika_reported = errors_raised(lambda: publisher.publish("job", b"", "1"), MessageRefused)
        return run(here, solved_pika, solved_celery, pika_reported=pika_reported)


def run(here: Corner, consume: Callable[[str], None], make: Callable[[str], Celery], *, pika_reported: int) -> Counts:
    exchange, app, all_come = unbound(here), make(here.name), consume is solved_pika
    celery_reported = errors_raised(lambda: app.send_task("job", [""], exchange=exchange, routing_key="job"), Exception)

    fresh_tally()
    for number in range(JOBS):
        here.channel.basic_publish(f"{here.name}.pika", "job", str(number))
    with pika_twice(here, consume):
        here.channel.basic_publish(f"{here.name}.pika", "job", LAST)
        pika_lost = settle(all_come)

    fresh_tally()
    for number in range(JOBS):
        app.send_task("job", [str(number)])
    with worker(here, make, "--concurrency=1"):
        wait_until(lambda: tally()["death"] > 0, timeout_seconds=120, what="the child's death")
        app.send_task("job", [LAST])
        celery_lost = settle(all_come)
    return {
        "messages_without_a_queue": JOBS,
        "pika_reported_unroutable": pika_reported,
        "celery_reported_unroutable": celery_reported,
        "jobs": JOBS,
        "pika_lost": pika_lost,
        "celery_lost": celery_lost,
    }


def unbound(here: Corner) -> str:
    """An exchange to which no queue is bound."""
    here.channel.exchange_declare(name := here.keep("unbound"), "topic", durable=True)
    return name


def errors_raised(publish: Callable[[], object], error: type[Exception]) -> int:
    """How often the publisher got an error for a message that no queue takes."""
    raised = 0
    for _ in range(JOBS):
        try:
            publish()
        except error:
            raised += 1
    return raised


def settle(all_come: bool) -> int:
    """How many jobs are lost, when the last one, sent after the death, is done; the solved side may still wait for the deadly one."""
    jobs = {str(number) for number in range(JOBS)}
    wanted = jobs | {LAST} if all_come else {LAST}
    wait_until(lambda: wanted <= tally().keys(), timeout_seconds=120, what="the last job")
    return len(jobs - tally().keys())


experiment = Experiment(
    challenge="pika or Celery: when to use which?",
    solution="pika between services, because it reports unroutable messages; Celery within one, because it brings the workers",
    load=f"{JOBS} messages without a queue, {JOBS} jobs of which one kills its process once (SIGKILL); both with pika and with Celery",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["pika_lost"] > 0 and counts["celery_lost"] > 0 and counts["pika_reported_unroutable"] == 0,
    # the choice rests on Celery reporting nothing: if kombu learns it, this page must change
    holds=lambda counts: (
        counts
        == {
            "messages_without_a_queue": JOBS,
            "pika_reported_unroutable": JOBS,
            "celery_reported_unroutable": 0,
            "jobs": JOBS,
            "pika_lost": 0,
            "celery_lost": 0,
        }
    ),
    proof=("pika_lost", "celery_lost", "pika_reported_unroutable"),
    code="patterns/messaging/consumer",
)
