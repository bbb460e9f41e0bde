"""The dead letters of this service's queues: seen, and sent again."""

import contextlib
import json
import uuid
from dataclasses import replace

import pika
from pika.exceptions import ChannelClosedByBroker

from fulfilment.messaging import topology, tracing
from fulfilment.models import Step
from patterns.messaging import dead_letters
from patterns.messaging.dead_letters import DeadLetter

QUEUES = (topology.EVENTS, topology.TASKS)
NOT_FOUND = 404
REJECTED, GIVEN_UP = "rejected", " given up"


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
    """Of a task that failed the broker knows that it was rejected; the order's timeline knows why."""
    ids = [about for _, letter in found if letter.reason == REJECTED and (about := order_id(letter))]
    steps = Step.objects.filter(order_id__in=ids, name__endswith=GIVEN_UP).order_by("at")
    reasons: dict[uuid.UUID | None, str] = {step.order_id: f"{step.name}: {step.detail}" for step in steps}
    return [
        (queue, replace(letter, reason=reasons.get(order_id(letter), letter.reason)) if letter.reason == REJECTED else letter)
        for queue, letter in found
    ]


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
