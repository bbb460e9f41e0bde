import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from ...models import OutboxEvent

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def duration(text: str) -> timedelta:
    if not re.fullmatch(r"[0-9]{1,5}[dhm]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 7d, 12h or 30m")
    return timedelta(**{UNITS[text[-1]]: int(text[:-1])})


class Command(BaseCommand):
    help = "Deletes old published events, 1,000 per transaction. Waiting events stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=duration, required=True, help="age since published: 7d, 12h, 30m"
        )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="database alias",
        )

    def handle(
        self, *args: Any, older_than: timedelta, database: str, verbosity: int, **options: Any
    ) -> None:
        deleted = 0
        for count in OutboxEvent.objects.using(database).prune_in_batches(older_than):
            deleted += count
            if verbosity > 1:
                self.stdout.write(f"{deleted} so far")
        self.stdout.write(f"deleted {deleted} events")
