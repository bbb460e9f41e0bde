"""The handler's thread, beside the one that answers heartbeats."""

import contextlib
from collections.abc import Callable

import pika
from django.db import close_old_connections

from ..publisher import CONNECTION_ERRORS

Handle = Callable[[bytes, pika.BasicProperties], None]


def in_thread(handle: Handle, body: bytes, properties: pika.BasicProperties) -> None:
    close_old_connections()  # one that a restart of the database broke would fail for good
    try:
        handle(body, properties)
    finally:
        close_old_connections()


def wake(connection: pika.BlockingConnection, _: object) -> None:
    """Called in the handler's thread: ends the wait in `process_data_events`."""
    with contextlib.suppress(*CONNECTION_ERRORS):
        connection.add_callback_threadsafe(lambda: None)
