"""What the experiments share: a corner of the broker, a table that counts, and Celery workers that work there."""

import contextlib
import os
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pika
from django.db import connection
from kombu import pools
from pika.adapters.blocking_connection import BlockingChannel

from labkit.processes import running


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
        cursor.execute("CREATE TABLE lab_tally (what text NOT NULL)")


def note(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO lab_tally VALUES (%s)", [what])


def tally() -> Counter[str]:
    """How often each thing was noted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, count(*) FROM lab_tally GROUP BY what")
        return Counter(dict(cursor.fetchall()))


@contextlib.contextmanager
def worker(here: Corner, app: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker of the app that the function `app` ("module:function") makes for this corner's name."""
    module, _, function = app.partition(":")
    program = f"import sys, django; django.setup(); from {module} import {function} as make; make({here.name!r}).worker_main(sys.argv[1:])"
    quiet = [
        f"--logfile={os.devnull}",
        f"--hostname={secrets.token_hex(4)}@%h",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    with running(["python", "-W", "ignore", "-c", program, "worker", *quiet, *options], RABBITMQ_URL=here.url) as process:
        yield process
