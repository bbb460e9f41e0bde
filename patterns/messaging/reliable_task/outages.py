"""An outage of the infrastructure, as a task's messages carry it from try to try."""

import logging
import random
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from amqp.exceptions import AMQPError
from celery import Task
from celery.exceptions import Reject
from django.db import Error, InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

logger = logging.getLogger(__name__)

# No fault of the task. They end by themselves, or no task can be done at all.
OUTAGES = (OperationalError, InterfaceError, BrokerError, AMQPError, ConnectionError, TimeoutError)
HEADER = "outage"
WAITS, GIVEN_UP, WAITED = "waits", "given up", "waited"


@dataclass(frozen=True)
class Outage:
    since: float  # seconds since 1970
    tries: int = 0
    reason: str = ""

    @classmethod
    def of(cls, header: Any) -> "Outage | None":
        """The one that the tries before met. Anybody may send any header."""
        match header:
            case {
                "since": int() | float() as since,
                "tries": int() as tries,
                "reason": str() as why,
            }:
                return cls(since, tries, why)
        return None

    def after(self, error: BaseException) -> "Outage":
        return replace(self, tries=self.tries + 1, reason=in_one_line(error))

    @property
    def seconds(self) -> float:
        return time.time() - self.since

    def pause_seconds(self, cap: float) -> int:
        """Doubled with each try up to the cap; half is jitter. Whole, as delayed delivery is."""
        return max(1, round(min(cap, 2.0 ** min(self.tries, 16)) * random.uniform(0.5, 1)))  # noqa: S311

    def header(self) -> dict[str, Any]:
        return {HEADER: asdict(self)}

    def __str__(self) -> str:
        return f"{self.tries} tries in {self.seconds:.0f} s: {self.reason}"


def in_one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())[:200]


class OutlastingTask(Task):
    abstract = True

    outages = OUTAGES  # errors that do not count towards max_retries
    outage_seconds: float = 6 * 3600  # from then on they do
    outage_pause_seconds: float = 30  # the longest

    def remark(self, what: str, detail: str, task_id: str, args: Any) -> None:
        """Override it to note what holds the work up, or held it up. It may raise."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Raises ChannelError if no queue is bound; kombu declares it at the next call."""
        return super().apply_async(*args, **{"mandatory": True} | options)

    def retry(self, *args: Any, exc: Any = None, **options: Any) -> Any:
        request = self.request
        outage = Outage.of(request.get(HEADER)) or Outage(time.time())
        headers = {name: each for name, each in (request.headers or {}).items() if name != HEADER}
        if isinstance(exc, self.outages):
            outage = outage.after(exc)
            headers |= outage.header()  # also beyond the limit: its time goes on
            if outage.seconds < self.outage_seconds:
                options |= {"countdown": outage.pause_seconds(self.outage_pause_seconds)}
                request.retries -= 1  # Celery adds one
        request.headers = headers
        try:
            return super().retry(*args, exc=exc, **options)
        except Reject as error:  # the broker did not take the retry: Celery would give the task up
            raise Reject(error.reason, requeue=True) from exc

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        if not isinstance(exc, Error):  # without the database nothing is noted: see on_success
            self._remark(WAITS, in_one_line(exc), task_id, args)

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        self._remark(GIVEN_UP, in_one_line(exc), task_id, args)

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        if outage := Outage.of(self.request.get(HEADER)):
            self._remark(WAITED, str(outage), task_id, args)

    def _remark(self, what: str, detail: str, task_id: str, args: Any) -> None:
        try:
            self.remark(what, detail, task_id, args)
        except Exception as error:  # Celery would publish the retry and dead-letter the task, too
            logger.warning("%s %s: %s; could not be recorded: %r", self.name, what, detail, error)
