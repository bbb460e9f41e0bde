"""The next queue of a message whose handler raised."""

import logging

import pika
from pika.adapters.blocking_connection import BlockingChannel

from ..topology import REASON, RETRIES, WorkQueue

logger = logging.getLogger(__name__)


class Hopeless(Exception):
    """Raised by a handler: no retry of this message can succeed."""


def put_aside(
    channel: BlockingChannel,
    queue: WorkQueue,
    body: bytes,
    properties: pika.BasicProperties,
    error: BaseException,
) -> None:
    """To the next delay queue or the dead letters; returns when the broker confirmed it."""
    headers = dict(properties.headers or {})
    retries = headers.get(RETRIES)
    retries = max(retries, 0) if isinstance(retries, int) else 0  # senders may set any header
    is_over = isinstance(error, Hopeless) or retries >= len(queue.delays_seconds)
    to = queue.dead if is_over else queue.delay(retries)
    reason = repr(error)[:200]  # repr: one line, and every character can be encoded
    properties.headers = headers | {RETRIES: retries + (not is_over), REASON: reason}
    properties.delivery_mode = pika.DeliveryMode.Persistent.value
    channel.basic_publish("", to, body, properties, mandatory=True)
    logger.warning("message %s to %s: %s", properties.message_id, to, reason)
