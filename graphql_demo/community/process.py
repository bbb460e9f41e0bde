"""How a process of ours lives and ends: a file that shows that its loop turns, and a flag that SIGTERM sets."""

import signal
import threading
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError

STOP_GRACE_SECONDS = 4


def stop_on_signal() -> threading.Event:
    """Set by SIGTERM or Ctrl-C: the loop finishes its turn and ends.

    A turn that waits for a silent broker is ended by the kernel after STOP_GRACE_SECONDS: what it had in hand is still
    in the outbox, or goes back to its queue.
    """
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        stop.set()
        signal.alarm(STOP_GRACE_SECONDS)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop


def touch_alive_file() -> None:
    if settings.ALIVE_FILE:
        Path(settings.ALIVE_FILE).touch()


def broker_url() -> str:
    if not settings.RABBITMQ_URL:
        raise CommandError("RABBITMQ_URL is missing: this process works with a broker only")
    return str(settings.RABBITMQ_URL)
