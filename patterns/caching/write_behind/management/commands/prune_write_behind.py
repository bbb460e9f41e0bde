"""Deletes the rows of old batches, a thousand at a time."""

import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from ...prune import prune_batches

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    if not (found := re.fullmatch(r"(\d{1,5})([smhd])", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 12h or 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


class Command(BaseCommand):
    help = "Deletes the rows of batches that reached the database long ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=duration, required=True, metavar="7d",
            help="a number and s, m, h or d; longer than the oldest Redis snapshot you may restore",
        )  # fmt: skip

    def handle(self, *args: Any, older_than: timedelta, **options: Any) -> None:
        total = 0
        try:
            for deleted in prune_batches(older_than):
                total += deleted
                self.stdout.write(f"{total} rows deleted ...")
        except DatabaseError as error:
            raise CommandError(f"stopped after {total} rows: {error}") from error
        self.stdout.write(f"{total} rows deleted")
