"""Brings over what happened elsewhere: views that Redis has counted, prices that another service has changed. Until SIGTERM."""

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
    help = "Flushes counted views (CACHE=redis) and hears of prices (RABBITMQ_URL); waits for whichever of its servers is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="flush once, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once and settings.CACHE != "redis":
            raise CommandError("views are buffered in Redis only: set REDIS_URL")
        if once:
            self.stdout.write(f"{flush_views()} products")
            return
        stop, turns = stop_on_signal(), Turns()
        # both in one process and by turns: a flush takes milliseconds, and a second process of Django 60 MB
        if settings.RABBITMQ_URL:
            price_events.run(url=settings.RABBITMQ_URL, stop=stop, on_turn=turns)
        else:
            logger.warning("RABBITMQ_URL is missing: prices change here only")
            while not stop.is_set():
                turns()
                stop.wait(TURN_SECONDS)
        run_once()  # what was counted in the last seconds


class Turns:
    """What is done beside waiting for events, about once a second: says that we live, and flushes when it is time."""

    def __init__(self) -> None:
        self.flush_at = time.monotonic()

    def __call__(self) -> None:
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
            logger.info("the views of %s products are in the database", flushed)
    except (*AWAY, DatabaseError) as error:
        logger.warning("views stay where they are (%s)", type(error).__name__)
