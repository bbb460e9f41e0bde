"""Lists what nobody could use, and why; with --replay it is sent again."""

import contextlib
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fulfilment.messaging import letters
from fulfilment.messaging.topology import broker_url


class Command(BaseCommand):
    help = "Lists the dead letters of this service; --replay sends them again, all or one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--replay", nargs="?", const="", metavar="ID", help="all of them, or the one with this message id")

    def handle(self, *args: Any, replay: str | None, **options: Any) -> None:
        with contextlib.closing(letters.connect(broker_url())) as connection:
            if replay is not None:
                self.stdout.write(f"replayed: {letters.replay(connection, replay or None)}")
            for queue, letter in letters.explained(letters.listing(connection)):
                self.stdout.write(f"{queue} {letter.message_id} tried {letter.retries + 1} times: {letter.reason}")
