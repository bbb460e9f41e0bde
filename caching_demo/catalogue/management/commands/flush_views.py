"""Brings the counted views from Redis into the database, and saves the trending list, until SIGTERM."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections

from catalogue.process import stop_on_signal, touch_alive_file
from catalogue.services import flush_views
from catalogue.store import AWAY

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5  # what a crash of Redis may lose


class Command(BaseCommand):
    help = "Brings counted views from Redis into the database every few seconds; waits while one of them is away."
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one turn, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if settings.CACHE != "redis":
            raise CommandError("views are buffered in Redis only: set REDIS_URL")
        if once:
            self.stdout.write(f"{flush_views()} products")
            return
        stop = stop_on_signal()
        while not stop.is_set():
            run_once()
            touch_alive_file()
            stop.wait(EVERY_SECONDS)
        run_once()  # what was counted in the last seconds


def run_once() -> None:
    close_old_connections()
    try:
        if flushed := flush_views():
            logger.info("the views of %s products are in the database", flushed)
    except (*AWAY, DatabaseError) as error:
        logger.warning("views stay where they are (%s)", type(error).__name__)
