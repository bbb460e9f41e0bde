"""Sends the tasks of orders again that no process is working on."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fulfilment.reconciler import reconcile


class Command(BaseCommand):
    help = "Sends the tasks of open orders again: those older than RECONCILE_AFTER_SECONDS, without a dead letter."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=float, metavar="SECONDS", help="minimum age, instead of RECONCILE_AFTER_SECONDS")

    def handle(self, *args: Any, older_than: float | None, **options: Any) -> None:
        self.stdout.write(f"sent again: {reconcile(None if older_than is None else timedelta(seconds=older_than))}")
