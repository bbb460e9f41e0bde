"""The broker, as the web asks it for people who look: never for an order."""

import contextlib
from collections.abc import Iterator

import pika
from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException

from fulfilment.messaging import letters
from patterns.messaging.publisher import CONNECTION_ERRORS


class BrokerAway(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The broker is away. Orders are taken all the same."


@contextlib.contextmanager
def connected() -> Iterator[pika.BlockingConnection]:
    """A connection for this request alone; raises BrokerAway."""
    if not settings.RABBITMQ_URL:
        raise BrokerAway
    try:
        with contextlib.closing(letters.connect(settings.RABBITMQ_URL)) as connection:
            yield connection
    except CONNECTION_ERRORS as error:
        raise BrokerAway from error


def dead_letters() -> letters.Snapshot:
    """As of a moment ago. Raises BrokerAway."""
    if not settings.RABBITMQ_URL:
        raise BrokerAway
    try:
        return letters.look(settings.RABBITMQ_URL)
    except CONNECTION_ERRORS as error:
        raise BrokerAway from error
