"""Sends the tasks of orders again that nothing works on any more."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fulfilment.reconciler import reconcile


class Command(BaseCommand):
    help = "Sends open orders to the worker again if they are older than RECONCILE_AFTER_SECONDS and no dead letter names them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=float, metavar="SECONDS", help="instead of RECONCILE_AFTER_SECONDS")

    def handle(self, *args: Any, older_than: float | None, **options: Any) -> None:
        self.stdout.write(f"sent again: {reconcile(None if older_than is None else timedelta(seconds=older_than))}")
