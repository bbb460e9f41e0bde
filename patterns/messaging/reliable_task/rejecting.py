"""The worker's consumer: a message that is not a task is dead-lettered, and the worker lives."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from amqp.basic_message import Message
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from kombu.transport import native_delayed_delivery as delayed

from .shape import NotATask, check

logger = logging.getLogger(__name__)

FARTHEST_SECONDS = 2**delayed.MAX_NUMBER_OF_BITS_TO_USE - 1


class RejectingConsumer(Consumer):
    """Celery would acknowledge what it cannot decode, and end over what it does not expect."""

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], None]:
        begin = super().create_task_handler(*args, **options)

        def handle(message: Any) -> None:
            try:
                if "task" in message.headers and (eta := check(message.headers, message.decode())):
                    return postpone(self, message, eta)
                begin(message)
            except self.connection_errors:
                raise
            except Exception as error:  # whatever a sender invents
                self.on_decode_error(message, error)

        return handle

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        logger.error("not a task: %s: %.200s", type(exc).__name__, exc)
        message.reject_log_error(logger, self.connection_errors)


def postpone(consumer: Consumer, message: Any, eta: datetime) -> None:
    """To the queues in which retries wait, as Celery sends tasks with an ETA itself."""
    seconds = int((eta - datetime.now(UTC)).total_seconds())
    if seconds > FARTHEST_SECONDS:
        raise NotATask(f"its ETA is too far ahead: {seconds} s")
    key = delayed.calculate_routing_key(seconds, message.delivery_info["routing_key"])
    try:
        with consumer.app.producer_or_acquire() as producer:
            producer.publish(
                message.body,
                exchange=delayed.level_name(delayed.MAX_LEVEL),
                routing_key=key,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                headers=message.headers,
                correlation_id=message.properties.get("correlation_id"),
                delivery_mode=2,
                retry=True,
                retry_policy={"max_retries": 1},
            )
    except OperationalError:  # the broker is not available: again, when it is
        message.reject_log_error(logger, consumer.connection_errors, requeue=True)
    else:
        message.ack_log_error(logger, consumer.connection_errors)


def load_properties(message: Message, class_id: int, buffer: Any, offset: int) -> Any:
    """py-amqp raises in the worker's loop over a header that it cannot decode: a year 58883."""
    try:
        return original(message, class_id, buffer, offset)
    except Exception as error:
        logger.error("a message's properties cannot be decoded: %r", error)
        message.properties = {}  # not a task: rejected
        return len(buffer)


original = Message._load_properties
Message._load_properties = load_properties
