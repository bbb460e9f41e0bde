"""One bad message blocks the whole queue.

Ninety-nine good messages wait behind one that raises each time. The naive consumer requeues
it on an error (`basic_nack`) and is stopped after 500 deliveries; it would go on forever.
The solved one retries it from delay queues and finally dead-letters it. Then the bug is
fixed, and the dead letters are replayed.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pika

from lab import Corner, corner
from labkit import Counts, Experiment
from labkit.logs import quiet
from labkit.processes import wait_until
from patterns.messaging import consumer, dead_letters
from patterns.messaging.topology import WorkQueue

MESSAGES, CUT_OFF = 100, 500
DELAYS = (0.02, 0.04, 0.08)  # seconds; in earnest: minutes


class Handler:
    """Counts its runs, and raises on the message that it does not understand, until it is mended."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.done: set[str] = set()
        self.is_mended = False

    def __call__(self, body: bytes, properties: pika.BasicProperties) -> None:
        name = body.decode()
        self.runs[name] += 1
        if name == "message-0" and not self.is_mended:
            raise ValueError("no such product")
        self.done.add(name)


def naive() -> Counts:
    with corner() as here:
        queue, handler = here.queue("naive"), Handler()
        publish(here, queue)
        here.channel.basic_qos(prefetch_count=1)
        for method, properties, body in here.channel.consume(queue, inactivity_timeout=1):
            if method is None or sum(handler.runs.values()) == CUT_OFF:
                break
            try:
                handler(body, properties)
            except ValueError:
                here.channel.basic_nack(method.delivery_tag, requeue=True)
            else:
                here.channel.basic_ack(method.delivery_tag)
        here.channel.cancel()
        return counted(handler, dead=0) | {"done_after_a_replay": len(handler.done)}


def solved() -> Counts:
    with corner() as here:
        handler, queue = Handler(), WorkQueue(here.keep("solved"), here.keep("events"), ["#"], delays_seconds=DELAYS)
        for name in ("dead", *(queue.delay(retry).removeprefix(f"{queue.name}.") for retry in range(len(DELAYS)))):
            here.keep(f"solved.{name}")
        queue.declare(here.channel)
        publish(here, queue.name)
        with consuming(here, queue, handler):
            wait_until(lambda: here.waiting(queue.dead) == 1, timeout_seconds=30, what="the dead letter")
            wait_until(lambda: len(handler.done) == MESSAGES - 1, timeout_seconds=30, what="the good ones")
            counts = counted(handler, dead=here.waiting(queue.dead))
            handler.is_mended = True
            dead_letters.replay(here.channel.connection, queue.dead, to=queue.name)
            wait_until(lambda: len(handler.done) == MESSAGES, timeout_seconds=30, what="the replayed one")
        return counts | {"done_after_a_replay": len(handler.done)}


@contextlib.contextmanager
def consuming(here: Corner, queue: WorkQueue, handler: Handler) -> Iterator[None]:
    stop = threading.Event()
    with quiet(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(consumer.run, here.url, queue, handler, stop=stop)
        try:
            yield
        finally:
            stop.set()
            running.result(30)


def publish(here: Corner, queue: str) -> None:
    for number in range(MESSAGES):
        here.channel.basic_publish("", queue, f"message-{number}".encode(), pika.BasicProperties(message_id=f"message-{number}"))


def counted(handler: Handler, *, dead: int) -> Counts:
    return {
        "messages": MESSAGES,
        "runs_of_the_poison": handler.runs["message-0"],
        "good_ones_done": len(handler.done),
        "dead_letters": dead,
    }


experiment = Experiment(
    challenge="One bad message blocks the whole queue",
    solution="retries from delay queues with growing delays, then dead letters with the reason, and a replay once the bug is fixed",
    load=f"{MESSAGES} messages, the first of which fails each time; {len(DELAYS)} retries; stopped after {CUT_OFF} deliveries",
    naive=naive,
    solved=solved,
    breaks=lambda counts: (counts["runs_of_the_poison"], counts["good_ones_done"]) == (CUT_OFF, 0),
    holds=lambda counts: (
        counts
        == {
            "messages": MESSAGES,
            "runs_of_the_poison": len(DELAYS) + 1,
            "good_ones_done": MESSAGES - 1,
            "dead_letters": 1,
            "done_after_a_replay": MESSAGES,
        }
    ),
    proof=("runs_of_the_poison", "good_ones_done"),
    code="patterns/messaging/consumer",
)
