"""The shape of a task's message (Celery's protocol 2), as far as a worker relies on it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from celery.utils.time import maybe_iso8601, maybe_make_aware

# A task's pause ends about its ETA. One that is farther ahead would hold a place of the prefetch
# until then, and a few of them all places.
AHEAD = timedelta(seconds=10)


class NotATask(Exception):
    """Celery would fail over it in the worker's own process, and end."""


def check(headers: dict[str, Any], body: Any) -> datetime | None:
    """Raises NotATask. Returns the task's ETA if it is too far ahead to wait for it."""
    match headers:
        case {"task": str(), "id": str()}:
            pass
        case _:
            raise NotATask("its name and its id must be strings")
    match headers.get("retries"), headers.get("timelimit"):
        case (None | int(), None | [None | int() | float(), None | int() | float()]):
            pass
        case retries_and_limits:
            raise NotATask(f"malformed retries or time limits: {retries_and_limits}")
    match body:
        case [list(), dict(), dict() as embed]:
            pass
        case _:
            raise NotATask("its body must be [args, kwargs, embed]")
    match [embed.get(name) for name in ("callbacks", "errbacks", "chain", "chord")]:
        case [None | list(), None | list(), None | list(), None | dict()]:
            pass
        case embedded:
            raise NotATask(f"malformed callbacks, errbacks, chain or chord: {embedded}")
    for name in ("eta", "expires"):
        if (at := headers.get(name)) is not None:
            moment = maybe_make_aware(maybe_iso8601(at), UTC)
            if name == "eta" and moment - datetime.now(UTC) > AHEAD:
                return moment
    return None
