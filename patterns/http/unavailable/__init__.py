"""503 for a dependency that is down: the response says when to retry.

Problem
    The database is restarted, or a row is locked too long. Django answers 500, which
    clients do not retry, and the log fills with tracebacks.

Guarantee
    - A view that fails with OperationalError or InterfaceError is answered 503 with
      Retry-After, under WSGI and ASGI, in DRF views too.
    - One WARNING per request, without a traceback.

Not guaranteed
    That a write had no effect: the connection may have been lost after its COMMIT.

Cost
    Nothing.

Use instead
    The proxy's error page, if you cannot change the application. (Checked 2026-11.)

Source: RFC 9110, sections 10.2.3 and 15.6.4.

Use
    # settings.py
    MIDDLEWARE += ["patterns.http.unavailable.UnavailableMiddleware"]  # last

    # your code
    # as the first line of your DRF exception handler:
    from patterns.http.unavailable import is_unavailable
"""

import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

RETRY_AFTER_SECONDS = 2
UNAVAILABLE = (OperationalError, InterfaceError)
logger = logging.getLogger(__name__)


def is_unavailable(error: BaseException) -> bool:
    return isinstance(error, UNAVAILABLE)


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """An empty 503. A middleware around it may give the error its format."""
    reason = " ".join(str(error).split())
    logger.warning("503 for %s %s: %s", request.method, request.path, reason)
    return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class UnavailableMiddleware:
    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request, error) if is_unavailable(error) else None
