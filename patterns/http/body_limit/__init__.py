"""Body limit: refuse a body that is too large before reading it, and read chunked bodies.

Problem
    DATA_UPLOAD_MAX_MEMORY_SIZE guards `request.body` and forms, but DRF's parsers read
    the stream: 50 MB of JSON become 500 MB of objects. A body with `Transfer-Encoding:
    chunked` has no Content-Length, so Django reads it as empty: a genuine webhook is
    rejected as forged.

Guarantee
    - A request that announces more than MAX_BODY_BYTES is answered 413, its body unread.
    - A chunked body is read up to the limit (413 beyond), and views see it like any
      other. Where the server does not say that it ends chunked bodies, 411.
    - A Content-Length that is not a number is answered 400.

Not guaranteed
    Protection from slow clients: a proxy must buffer them. Under ASGI, Django has stored
    the body on disk before any middleware runs. Multipart uploads have the same limit.

Cost
    One look at a header. A chunked body is held in memory, at most MAX_BODY_BYTES.

Use instead
    nginx: client_max_body_size, which also ends chunked bodies. (Checked 2026-11.)

Source: RFC 9110, sections 15.5.12 and 15.5.14; RFC 9112, section 7.1.

Use
    # settings.py
    MAX_BODY_BYTES = 1_000_000
    MIDDLEWARE.insert(0, "patterns.http.body_limit.middleware")  # before others read the body
"""

import io
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Answers without a body. A middleware around it may give the error its format."""

    async def async_middleware(request: HttpRequest) -> HttpResponse:
        return refusal(request) or await get_response(request)

    def sync_middleware(request: HttpRequest) -> HttpResponse:
        return refusal(request) or get_response(request)

    return async_middleware if iscoroutinefunction(get_response) else sync_middleware


def refusal(request: HttpRequest) -> HttpResponse | None:
    limit: int = settings.MAX_BODY_BYTES
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        return read_chunked(request, limit)
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if not (announced.isascii() and announced.isdigit()):
        return HttpResponse(status=400, reason="Content-Length is not a number")
    if len(announced) > 15 or int(announced) > limit:  # len: int() of a million digits is slow
        return too_large(limit)
    return None


def read_chunked(request: HttpRequest, limit: int) -> HttpResponse | None:
    """Gives the request a body of known length, as views and DRF expect."""
    if hasattr(request, "environ"):  # WSGI: Django's own stream ends at Content-Length, so at 0
        if not request.environ.get("wsgi.input_terminated"):  # else read() would wait for ever
            return HttpResponse(status=411, reason="Chunked bodies are not accepted here")
        stream: Any = request.environ["wsgi.input"]
    else:
        stream = request._stream  # ASGI: a file
    try:
        body = stream.read(limit + 1)
    except Exception:  # each server has its own class for malformed chunks
        return HttpResponse(status=400, reason="The chunked body is malformed")
    if len(body) > limit:
        return too_large(limit)
    request._stream = io.BytesIO(body)
    request.META["CONTENT_LENGTH"] = str(len(body))
    return None


def too_large(limit: int) -> HttpResponse:
    return HttpResponse(status=413, reason=f"The body may have at most {limit} bytes")
