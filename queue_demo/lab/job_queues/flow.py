"""The one flow of all ways: a job per order writes its invoice. Some kill their worker on their first run."""

import os
import signal

from lab import note, tally

JOBS = 300
LAST = JOBS  # one more, behind all others: when it has run, they have begun
DEADLY = (60, 120, 180, 240)  # the odd ones of this list after the effect, the others before it
STALLED_SECONDS = 2
SIDE = os.environ.get("SIDE", "naive")


def write_invoice(number: int) -> None:
    note(f"invoice {number}")


def die_if_deadly(number: int, moment: str) -> None:
    """SIGKILL for the worker, as the kernel does when memory runs out, or a deploy that does not wait."""
    if number not in DEADLY or moment != ("before", "after")[DEADLY.index(number) % 2]:
        return
    if not tally()[f"death {number}"]:
        note(f"death {number}")
        os.kill(os.getpid(), signal.SIGKILL)
