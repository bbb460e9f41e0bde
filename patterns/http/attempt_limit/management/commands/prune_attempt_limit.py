"""Deletes keys whose attempts have expired, in batches of short transactions."""

import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...models import Counted

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    if not (found := re.fullmatch(r"([0-9]{1,5})([smhd])", text)):
        raise argparse.ArgumentTypeError(f'"{text}" is not a duration such as 90s, 30m, 24h or 7d')
    return int(found[1]) * timedelta(**{UNITS[found[2]]: 1})


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=duration, required=True, metavar="1h", help="time since expires_at"
        )

    def handle(self, *, older_than: timedelta, **options: Any) -> None:
        deleted = 0
        for number in Counted.objects.prune_batches(older_than):
            deleted += number
            self.stdout.write(f"{deleted} rows deleted so far")
        self.stdout.write(f"{deleted} rows deleted")
