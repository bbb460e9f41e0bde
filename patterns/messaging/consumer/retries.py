"""The next queue of a message whose handler raised."""

import logging
import time
from typing import Any

import pika
from django.db import InterfaceError, OperationalError
from pika.adapters.blocking_connection import BlockingChannel

from ..topology import OUTAGE_SINCE, REASON, RETRIES, WorkQueue
from ..topology.properties import copy_of

logger = logging.getLogger(__name__)

# No fault of the message. They end by themselves, or no message can be handled at all.
OUTAGES = (OperationalError, InterfaceError, ConnectionError, TimeoutError)


class Hopeless(Exception):
    """Raised by a handler: no retry of this message can succeed."""


def put_aside(
    channel: BlockingChannel,
    queue: WorkQueue,
    body: bytes,
    properties: pika.BasicProperties,
    error: BaseException,
) -> None:
    """To a delay queue or the dead letters; returns when the broker confirmed it."""
    headers = dict(properties.headers or {})
    reason = repr(error)[:200]  # repr: one line, and every character can be encoded
    now, since, retries = time.time(), headers.pop(OUTAGE_SINCE, None), number(headers.get(RETRIES))
    waited = now - since if isinstance(since, int | float) and since <= now else 0.0
    headers[REASON] = reason
    if isinstance(error, OUTAGES):
        headers[OUTAGE_SINCE] = int(now - waited)  # also beyond the limit: its time goes on
    may_wait = queue.delays_seconds and waited < queue.outage_limit_seconds
    if isinstance(error, OUTAGES) and may_wait:
        to = queue.delay(max(sum(each <= waited for each in queue.delays_seconds) - 1, 0))
    elif isinstance(error, Hopeless) or retries >= len(queue.delays_seconds):
        to = queue.dead
        headers[RETRIES] = retries
    else:
        to = queue.delay(retries)
        headers[RETRIES] = retries + 1
    channel.basic_publish("", to, body, copy_of(properties, headers), mandatory=True)
    logger.warning("message %s to %s: %s", properties.message_id, to, reason)


def number(given: Any) -> int:
    """Senders may set any header."""
    return max(given, 0) if isinstance(given, int) else 0
