"""Lists, replays or drops dead letters."""

import contextlib
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fulfilment.messaging import letters
from fulfilment.messaging.topology import broker_url

PROGRESS = 1_000
SHOWN = 100  # of each queue


class Command(BaseCommand):
    help = "Lists the oldest dead letters of this service, or replays or drops them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replay", nargs="?", const="", metavar="ID", help="replay all dead letters, or the one with this message id")
        parser.add_argument("--drop", metavar="ID", help="delete the dead letter with this message id")

    def handle(self, *args: Any, replay: str | None, drop: str | None, **options: Any) -> None:
        with contextlib.closing(letters.connect(broker_url())) as connection:
            if replay is not None:
                self.stdout.write(f"replayed: {letters.replay(connection, replay or None, on_progress=self.progress)}")
            if drop is not None:
                self.stdout.write(f"dropped: {letters.drop(connection, drop)}")
            found, total = letters.read(connection, limit=SHOWN), letters.count(connection)
        for queue, letter in letters.explained(found):
            self.stdout.write(f"{queue} {letter.message_id} tried {letter.retries + 1} times: {letter.reason}")
        if total > len(found):
            self.stdout.write(f"and {total - len(found)} more")

    def progress(self, count: int) -> None:
        if count % PROGRESS == 0:
            self.stdout.write(f"{count} replayed so far")
