"""The dead letters of this service: lists them with their reasons, replays them, drops them."""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pika
from pika.exceptions import ChannelClosedByBroker

from fulfilment.messaging import flow, topology, tracing
from fulfilment.models import Step, TaskFailure
from patterns.messaging import dead_letters
from patterns.messaging.dead_letters import DeadLetter
from patterns.messaging.reliable_task.outages import GIVEN_UP
from patterns.messaging.reliable_task.shape import NotATask, check

QUEUES = (topology.EVENTS, topology.TASKS)
REJECTED = "rejected"
MOST = 2_000  # per queue: bounds the cost of a page
FRESH_SECONDS = 2
LOOKS, LOOK_AGAIN_SECONDS = 3, 0.3


def connect(url: str) -> pika.BlockingConnection:
    """Bounded: somebody waits for the answer. Raises pika's and the socket's errors."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 2
    return pika.BlockingConnection(parameters)


def order_id(letter: DeadLetter) -> uuid.UUID | None:
    """The order that an event or a task is about; None when it is neither, or not a message of ours."""
    with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
        match json.loads(letter.body):
            case {"data": {"order_id": str(found)}} | [[str(found), *_], *_]:
                return uuid.UUID(found)
    return None


@dataclass
class Snapshot:
    """The dead letters as they were at `taken_at`: the oldest of each queue, and how many there are.

    A page that shows them costs the same with many readers and with many letters.
    """

    url: str
    queues: tuple[str, ...]
    letters: list[tuple[str, DeadLetter]]
    total: int
    taken_at: float
    cost_seconds: float

    def serves(self, url: str) -> bool:
        """For two seconds, or ten times as long as it took: to read them keeps a processor busy."""
        age = time.monotonic() - self.taken_at
        return (self.url, self.queues) == (url, QUEUES) and age < max(FRESH_SECONDS, 10 * self.cost_seconds)


_latest: list[Snapshot] = []
_reading = threading.Lock()


def look(url: str) -> Snapshot:
    """Raises pika's errors."""
    with _reading:  # one reader at a time: the others get what it found
        if not (_latest and _latest[0].serves(url)):
            began = time.monotonic()
            with contextlib.closing(connect(url)) as connection:
                found, total = read(connection, limit=MOST), count(connection)
            now = time.monotonic()
            _latest[:] = [Snapshot(url, QUEUES, found, total, now, now - began)]
        return _latest[0]


def forget() -> None:
    """After a change: the next reader asks the broker."""
    _latest.clear()


def read(connection: pika.BlockingConnection, *, limit: int | None = None) -> list[tuple[str, DeadLetter]]:
    """The oldest of each queue, or all, with the queue that gave them up."""
    found = []
    for queue in QUEUES:
        with unless_missing():
            letters = dead_letters.listing(connection, topology.dead(queue), limit=limit)
            found += [(queue, with_request_id(letter)) for letter in letters]
    return found


def count(connection: pika.BlockingConnection) -> int:
    return flow.depth(connection, *map(topology.dead, QUEUES)).ready


@contextlib.contextmanager
def unless_missing() -> Iterator[None]:
    """No consumer or worker has run yet, which would have declared the queue."""
    try:
        yield
    except ChannelClosedByBroker as error:
        if error.reply_code != flow.NOT_FOUND:
            raise


def with_request_id(letter: DeadLetter) -> DeadLetter:
    """A task's correlation id is Celery's; the request's id is in a header of its own."""
    request_id = letter.headers.get(tracing.HEADER)
    return replace(letter, correlation_id=str(request_id)) if request_id else letter


def explained(found: list[tuple[str, DeadLetter]]) -> list[tuple[str, DeadLetter]]:
    """Of a task that failed the broker knows that it was rejected; our tables know why, or its shape tells."""
    rejected = [letter for _, letter in found if letter.reason == REJECTED]
    failures = TaskFailure.objects.filter(task_id__in=[letter.message_id for letter in rejected if "\x00" not in letter.message_id])
    reasons: dict[object, str] = dict(failures.values_list("task_id", "reason"))
    steps = Step.objects.filter(order_id__in=filter(None, map(order_id, rejected)), name__endswith=f" {GIVEN_UP}").order_by("at")
    reasons |= {step.order_id: f"{step.name}: {step.detail}" for step in steps}

    def why(letter: DeadLetter) -> str:
        if letter.reason != REJECTED:
            return letter.reason
        return reasons.get(letter.message_id) or reasons.get(order_id(letter)) or wrong_shape(letter) or REJECTED

    return [(queue, replace(letter, reason=why(letter))) for queue, letter in found]


def wrong_shape(letter: DeadLetter) -> str:
    """What a worker found wrong with a message that is not a task. Empty: nothing."""
    try:
        check(dict(letter.headers), json.loads(letter.body))
    except (ValueError, TypeError, AttributeError, RecursionError, NotATask) as error:
        return f"not a task: {error}"[:200]
    return ""


def replay(
    connection: pika.BlockingConnection, message_id: str | None = None, on_progress: Callable[[int], None] = lambda count: None
) -> int:
    """Sends one again, or all that there are now. Returns how many."""
    if message_id is not None:
        return find(lambda dead, to: dead_letters.replay(connection, dead, to=to, chosen=has_id(message_id), most=1))
    return each_queue(lambda dead, to: dead_letters.replay(connection, dead, to=to, on_progress=on_progress))


def drop(connection: pika.BlockingConnection, message_id: str) -> int:
    """Deletes one for good. Returns how many."""
    return find(lambda dead, _: dead_letters.drop(connection, dead, chosen=has_id(message_id)))


def has_id(message_id: str) -> Callable[[DeadLetter], bool]:
    return lambda letter: letter.message_id == message_id


def find(act: Callable[[str, str], int]) -> int:
    """While others look at a letter the broker does not show it to us: again, a moment later."""
    for _ in range(LOOKS):
        if found := each_queue(act):
            return found
        time.sleep(LOOK_AGAIN_SECONDS)
    return 0


def each_queue(act: Callable[[str, str], int]) -> int:
    count = 0
    for queue in QUEUES:
        with unless_missing():
            count += act(topology.dead(queue), queue)
    forget()
    return count
