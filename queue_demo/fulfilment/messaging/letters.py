"""The dead letters of this service's queues: seen, and sent again."""

import contextlib
import json
import uuid
from dataclasses import replace

import pika
from pika.exceptions import ChannelClosedByBroker

from fulfilment.messaging import topology, tracing
from fulfilment.models import Step, TaskFailure
from patterns.messaging import dead_letters
from patterns.messaging.dead_letters import DeadLetter
from patterns.messaging.reliable_task.outages import GIVEN_UP
from patterns.messaging.reliable_task.shape import NotATask, check

QUEUES = (topology.EVENTS, topology.TASKS)
NOT_FOUND = 404
REJECTED = "rejected"


def connect(url: str) -> pika.BlockingConnection:
    """Bounded: somebody waits for the answer. Raises pika's and the socket's errors."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 2
    return pika.BlockingConnection(parameters)


def order_id(letter: DeadLetter) -> uuid.UUID | None:
    """The order that an event or a task is about; None when it is neither, or no message of ours."""
    with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
        match json.loads(letter.body):
            case {"data": {"order_id": str(found)}} | [[str(found), *_], *_]:
                return uuid.UUID(found)
    return None


def listing(connection: pika.BlockingConnection, *, limit: int = 100) -> list[tuple[str, DeadLetter]]:
    """The oldest of each queue, with the queue that gave them up."""
    found = []
    for queue in QUEUES:
        try:
            letters = dead_letters.listing(connection, topology.dead(queue), limit=limit)
            found += [(queue, with_request_id(letter)) for letter in letters]
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:  # no consumer or worker has run yet, which would have declared it
                raise
    return found


def with_request_id(letter: DeadLetter) -> DeadLetter:
    """A task's correlation id is Celery's; the request's id is in a header of its own."""
    request_id = letter.headers.get(tracing.HEADER)
    return replace(letter, correlation_id=str(request_id)) if request_id else letter


def explained(found: list[tuple[str, DeadLetter]]) -> list[tuple[str, DeadLetter]]:
    """Of a task that failed the broker knows that it was rejected; our tables know why, or its shape tells."""
    rejected = [letter for _, letter in found if letter.reason == REJECTED]
    failures = TaskFailure.objects.filter(task_id__in=[letter.message_id for letter in rejected])
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


def replay(connection: pika.BlockingConnection, message_id: str | None) -> int:
    """Sends one again, or all. Returns how many. A letter without an id can only be replayed with all others."""
    count = 0
    for queue in QUEUES:
        try:
            count += dead_letters.replay(
                connection, topology.dead(queue), to=queue, chosen=lambda letter: message_id in (None, letter.message_id)
            )
        except ChannelClosedByBroker as error:
            if error.reply_code != NOT_FOUND:
                raise
    return count
