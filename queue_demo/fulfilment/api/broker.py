"""The broker, as pages and dead-letter endpoints read it. No order depends on it."""

import contextlib
from collections.abc import Iterator

import pika
from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException

from fulfilment.messaging import letters
from patterns.messaging.publisher import CONNECTION_ERRORS


class BrokerDown(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The message broker is unavailable. Orders are still accepted."


@contextlib.contextmanager
def connected() -> Iterator[pika.BlockingConnection]:
    """A connection for this request alone; raises BrokerDown."""
    if not settings.RABBITMQ_URL:
        raise BrokerDown
    try:
        with contextlib.closing(letters.connect(settings.RABBITMQ_URL)) as connection:
            yield connection
    except CONNECTION_ERRORS as error:
        raise BrokerDown from error


def dead_letters() -> letters.Snapshot:
    """A snapshot, up to a few seconds old. Raises BrokerDown."""
    if not settings.RABBITMQ_URL:
        raise BrokerDown
    try:
        return letters.look(settings.RABBITMQ_URL)
    except CONNECTION_ERRORS as error:
        raise BrokerDown from error
