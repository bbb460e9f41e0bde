"""Shared by the experiments: queues of their own on the broker, a table of effects, and Celery workers."""

import contextlib
import multiprocessing
import os
import secrets
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

import pika
from celery import Celery
from celery.concurrency.asynpool import AsynPool
from django.db import connection
from kombu import pools
from pika.adapters.blocking_connection import BlockingChannel

# Our processes are forked from one that has imported Django and Celery, and has no connection open: to import them takes two seconds.
NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["config.wsgi", "celery.apps.worker", "celery.concurrency.prefork", "rest_framework.test"])

# Celery looks for dead children every 5 s, and waits 10 s for a dead one's result. On both sides: a loss is seen sooner, and is the same.
LOOKS_EVERY_SECONDS, LOST_WAIT_SECONDS = 0.2, 1


@dataclass
class Corner:
    """Queues and exchanges of this run's own: their names begin with `name`, and they are removed at the end."""

    url: str
    name: str
    channel: BlockingChannel
    queues: list[str] = field(default_factory=list)

    def queue(self, suffix: str, **arguments: Any) -> str:
        """A durable queue, bound to an exchange of its own name for every routing key."""
        name = self.keep(suffix)
        self.channel.exchange_declare(name, "topic", durable=True)
        self.channel.queue_declare(name, durable=True, arguments=arguments)
        self.channel.queue_bind(name, name, "#")
        return name

    def keep(self, suffix: str) -> str:
        """The name of a queue (and an exchange) that somebody else declares, to be removed too."""
        name = f"{self.name}.{suffix}"
        self.queues.append(name)
        return name

    def waiting(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        return int(self.channel.queue_declare(queue, passive=True).method.message_count)

    def take(self, queue: str) -> bytes | None:
        """The next message, acknowledged; None when there is none."""
        return self.channel.basic_get(queue, auto_ack=True)[2]


@contextlib.contextmanager
def corner() -> Iterator[Corner]:
    url = os.environ.get("RABBITMQ_URL", "")
    if not url:
        raise RuntimeError("the experiment needs RabbitMQ: `make lab` starts one, or set RABBITMQ_URL=amqp://user:password@host:port/%2F")
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as opened:
        here = Corner(url, f"lab.{secrets.token_hex(4)}", opened.channel())
        try:
            yield here
        finally:
            # kombu's pools outlive an experiment's apps, and the next experiment would get them closed
            pools.reset()  # type: ignore[no-untyped-call]
            for name in here.queues:
                here.channel.queue_delete(name)
                here.channel.exchange_delete(name)


def fresh_tally() -> None:
    """Empties the table in which each effect leaves a row; workers of other processes write to it, too."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS lab_tally")
        cursor.execute("CREATE TABLE lab_tally (what text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())")


def note(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO lab_tally VALUES (%s)", [what])


def tally() -> Counter[str]:
    """How often each thing was noted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, count(*) FROM lab_tally GROUP BY what")
        return Counter(dict(cursor.fetchall()))


@contextlib.contextmanager
def process(function: Callable[..., object], *arguments: object) -> Iterator[BaseProcess]:
    """Runs a function of a module's top in a process and a group of its own; both are killed when the block ends."""
    child = NURSERY.Process(target=begin, args=(function, *arguments), daemon=True)
    child.start()
    try:
        yield child
    finally:
        kill(child)
        child.join()


def kill(child: BaseProcess) -> None:
    """SIGKILL for the process and its children."""
    child.kill()  # it may not have a group yet
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid or 0, signal.SIGKILL)


def begin(function: Callable[..., object], *arguments: object) -> None:
    os.setsid()
    warnings.simplefilter("ignore")
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    function(*arguments)


def worker(here: Corner, make: Callable[[str], Celery], *options: str) -> contextlib.AbstractContextManager[BaseProcess]:
    """A Celery worker of the app that `make` makes for this corner's name."""
    return process(celery_worker, make, here.name, options)


def celery_worker(make: Callable[[str], Celery], name: str, options: tuple[str, ...]) -> None:
    AsynPool.timers = property(lambda pool: {pool.maintain_pool: LOOKS_EVERY_SECONDS})
    app = make(name)
    app.conf.worker_lost_wait = LOST_WAIT_SECONDS
    unheard = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--logfile={os.devnull}"]
    app.worker_main(["worker", f"--hostname={secrets.token_hex(4)}@%h", *unheard, *options])
