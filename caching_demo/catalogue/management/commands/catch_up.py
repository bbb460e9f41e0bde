"""Writes views that Redis has counted to the database, and applies price events. Until SIGTERM."""

import contextlib
import logging
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections

from catalogue import price_events
from catalogue.services import flush_views
from catalogue.store import AWAY, repair
from patterns.messaging.graceful_shutdown import stop_on_signal, touch

logger = logging.getLogger(__name__)

FLUSH_EVERY_SECONDS = 5  # what a crash of Redis may lose
TURN_SECONDS = 1.0


class Command(BaseCommand):
    help = "Write counted views to the database (CACHE=redis) and apply price events (RABBITMQ_URL). Waits while a server is unavailable."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="write the counted views once, then exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once and settings.CACHE != "redis":
            raise CommandError("views are buffered only in Redis: set REDIS_URL")
        if once:
            self.stdout.write(f"wrote the views of {flush_views()} products")
            return
        stop, turns = stop_on_signal(), Turns()
        # both in one process and by turns: a flush takes milliseconds, and a second process of Django 60 MB
        if settings.RABBITMQ_URL:
            price_events.run(url=settings.RABBITMQ_URL, stop=stop, on_turn=turns)
        else:
            logger.warning("RABBITMQ_URL is not set: prices from other services are not received")
            while not stop.is_set():
                turns()
                stop.wait(TURN_SECONDS)
        run_once()  # what was counted in the last seconds


class Turns:
    """What is done beside waiting for events, about once a second: says that we live, and flushes when it is time."""

    def __init__(self) -> None:
        self.flush_at = self.turn_at = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() < self.turn_at:  # the consumer turns several times a second
            return
        self.turn_at = time.monotonic() + TURN_SECONDS
        if time.monotonic() >= self.flush_at:
            run_once()
            self.flush_at = time.monotonic() + FLUSH_EVERY_SECONDS
        send_unsent()
        touch(settings.ALIVE_FILE)


def send_unsent() -> None:
    """Never raises because the database is away: the rows wait in it."""
    with contextlib.suppress(DatabaseError):
        repair()


def run_once() -> None:
    """Never raises because a server is away: what could not be done now is done next time."""
    close_old_connections()
    try:
        price_events.prune()
        if settings.CACHE == "redis" and (flushed := flush_views()):
            logger.info("wrote the views of %s products to the database", flushed)
    except (*AWAY, DatabaseError) as error:
        logger.warning("cannot write the counted views now (%s): retrying", type(error).__name__)
