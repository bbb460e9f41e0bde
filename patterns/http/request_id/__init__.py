"""X-Request-ID: one name for a request, in the answer, in its problem body and in every line of the log.

Problem         A customer reports "it said 500 at noon". The log has forty of those, and nothing ties one to the answer.
Guarantee       Every response carries X-Request-ID. A well-formed one from the caller is kept, so that a gateway's id goes
                through; anything else (missing, overlong, with spaces or line breaks) is replaced by a new UUID, never
                echoed or logged. Every log record that passes the filter has `request_id`: "-" outside a request.
Not guaranteed  That an id is unique or true: a caller may send one twice. It is for finding, not for counting or trusting.
                Records of a streaming answer's later chunks, and of threads that the view starts, have "-".
Cost            A UUID and a context variable for each request; no query. Under ASGI Django runs it in a thread.
Use instead     django-guid, for Celery's tasks too; OpenTelemetry's trace ids, when several services are traced.

In settings: `patterns.http.request_id.RequestIdMiddleware` as the first of MIDDLEWARE, `patterns.http.request_id.RequestIdFilter` as a
filter of each handler in LOGGING, and `%(request_id)s` in its format.

Source: the header is a custom of proxies (Heroku, Envoy, nginx), not of an RFC. Django documentation, "Middleware", "Logging".
"""

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,128}")  # nothing that could break a line of a log or a header

current: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Gives the request its `request_id`, and the response the header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get(HEADER, "")
        request_id = sent if WELL_FORMED.fullmatch(sent) else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        token = current.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current.reset(token)  # a worker's thread serves the next request too
        response[HEADER] = request_id
        return response


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to a record, and lets it pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs "Not Found: /path" after the middleware has ended, but hands the request along
        record.request_id = getattr(getattr(record, "request", None), "request_id", None) or current.get()
        return True
