"""Carries a request id from the HTTP header into events, tasks and every log line."""

import contextlib
from collections.abc import Iterator
from typing import Any

from patterns.http.request_id import WELL_FORMED, current

HEADER = "request_id"  # of a Celery message


@contextlib.contextmanager
def request(request_id: str) -> Iterator[None]:
    """What is logged and sent in the block belongs to the request of this id, if it is fit for a log."""
    token = current.set(request_id if WELL_FORMED.fullmatch(request_id) else "-")
    try:
        yield
    finally:
        current.reset(token)


def mark_task(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Celery's before_task_publish: the task goes with the id of whoever sends it; so do its retries and what follows it."""
    if headers is not None and current.get() != "-":
        headers[HEADER] = current.get()


def enter_task(task: Any = None, **_: Any) -> None:
    """Celery's task_prerun."""
    request_id = str(task.request.get(HEADER) or "-")
    current.set(request_id if WELL_FORMED.fullmatch(request_id) else "-")


def leave_task(**_: Any) -> None:
    """Celery's task_postrun."""
    current.set("-")
