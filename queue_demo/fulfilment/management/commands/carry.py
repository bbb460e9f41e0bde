"""Runs the relay, the consumer and Celery beat as threads of one process, until SIGTERM."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from fulfilment.messaging.topology import broker_url
from fulfilment.workers import clock, consumer, relay
from patterns.messaging.graceful_shutdown import stop_on_signal, touch

STUCK_SECONDS = 15  # more than any turn takes: an outage is noticed within a few


class Command(BaseCommand):
    requires_system_checks = []  # they load the URLs and all views: 20 MB that nothing here uses
    help = "Runs relay_outbox, consume_events and Celery beat as threads of one process, with a third of the memory, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        url, stop = broker_url(), stop_on_signal()
        turned_at: dict[str, float] = {}

        def turned(name: str) -> Callable[[], None]:
            return lambda: turned_at.update({name: time.monotonic()})

        loops: dict[str, Callable[[], None]] = {
            "relay": lambda: relay.run(url=url, stop=stop, on_turn=turned("relay")),
            "consumer": lambda: consumer.run(url=url, stop=stop, on_turn=turned("consumer")),
            "clock": lambda: clock.run(stop=stop),  # its turns tell nothing: during an outage one of them waits
        }
        # daemons: one that waits for a silent broker does not keep the process from ending
        threads = [threading.Thread(target=loop, name=name, daemon=True) for name, loop in loops.items()]
        for thread in threads:
            thread.start()
        while not stop.wait(1):
            if dead := [thread.name for thread in threads if not thread.is_alive()]:
                stop.set()
                raise CommandError(f"the {dead[0]} thread has ended")  # the traceback is in the log; the supervisor restarts all
            if len(turned_at) == 2 and time.monotonic() - min(turned_at.values()) < STUCK_SECONDS:
                touch(settings.ALIVE_FILE)
        for thread in threads[:2]:
            thread.join()
