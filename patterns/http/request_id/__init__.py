"""Request ids: one X-Request-ID in the response, the error body and every log line.

Problem
    A customer reports "it said 500 at noon". The log has forty of those, and nothing
    connects one of them to this response.

Guarantee
    - Every response has X-Request-ID: the caller's, if it is well-formed, else a new
      UUID. A malformed id is neither echoed nor logged.
    - Every log record that passes the filter has `request_id`; "-" outside a request.

Not guaranteed
    Uniqueness: a caller may send one id twice. Logs of streamed chunks and of a view's
    threads have "-".

Cost
    A UUID and a context variable per request.

Use instead
    django-guid, which also covers Celery. OpenTelemetry, to trace several services.
    (Checked 2026-11.)

Source: Django, "Middleware" and "Logging". No RFC has the header.

Use
    # settings.py
    MIDDLEWARE.insert(0, "patterns.http.request_id.middleware")
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"id": {"()": "patterns.http.request_id.RequestIdFilter"}},
        "formatters": {"line": {"format": "%(request_id)s %(message)s"}},
        "handlers": {"console": {
            "class": "logging.StreamHandler", "filters": ["id"], "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
    }
"""

import logging
import re
import uuid
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")  # nothing that breaks a log line or a header

current: ContextVar[str] = ContextVar("request_id", default="-")


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Sets `request.request_id`, the context variable and the response header."""

    async def async_middleware(request: HttpRequest) -> HttpResponseBase:
        token = current.set(request_id := identify(request))
        try:
            response: HttpResponseBase = await get_response(request)
        finally:
            current.reset(token)
        response[HEADER] = request_id
        return response

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        token = current.set(request_id := identify(request))
        try:
            response: HttpResponseBase = get_response(request)
        finally:
            current.reset(token)  # the worker thread serves the next request too
        response[HEADER] = request_id
        return response

    return async_middleware if iscoroutinefunction(get_response) else sync_middleware


def identify(request: HttpRequest) -> str:
    sent = request.headers.get(HEADER, "")
    request_id = sent if WELL_FORMED.fullmatch(sent) else str(uuid.uuid4())
    request.request_id = request_id  # type: ignore[attr-defined]
    return request_id


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to a record, and lets it pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs "Not Found: /path" after the middleware, but attaches the request
        request = getattr(record, "request", None)
        record.request_id = getattr(request, "request_id", None) or current.get()
        return True
