"""Body limit: refuse a body that is too large, and leave none unread.

Problem
    DATA_UPLOAD_MAX_MEMORY_SIZE does not limit files. Django reads a chunked body as
    empty. gunicorn resets a connection with an unread body: nginx answers 502.

Guarantee
    - A body above MAX_BODY_BYTES gets 413, before a view sees it.
    - Views can read chunked bodies; 411 if the server does not end them.
    - Up to 4 MiB left unread are read before the answer.
    - A Content-Length that is not a number gets 400.

Not guaranteed
    Protection from slow clients: let a proxy buffer. Under ASGI, Django stores the body
    first. Uploads count too.

Cost
    A chunked body is held in memory.

Use instead
    nginx's client_max_body_size, which also ends chunked bodies. (Checked 2026-11.)

Source: RFC 9110, section 15.5.14.

Use
    # settings.py
    MAX_BODY_BYTES = 1_000_000
    MIDDLEWARE.insert(0, "patterns.http.body_limit.middleware")  # around all that answer
"""

import contextlib
import io
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

UNREAD_BYTES = 4 * 1024 * 1024  # more than a proxy in front lets through


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Answers without a body. A middleware around it may give the error its format."""

    async def async_middleware(request: HttpRequest) -> HttpResponse:
        return refusal(request) or await get_response(request)

    def sync_middleware(request: HttpRequest) -> HttpResponse:
        response = refusal(request) or get_response(request)
        discard_unread(request)
        return response

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


def discard_unread(request: HttpRequest) -> None:
    """Lets the client finish sending, so that it reads the answer (RFC 9112, section 9.6)."""
    environ = getattr(request, "environ", {})
    if not environ.get("wsgi.input_terminated"):
        return  # ASGI has the whole body; elsewhere read() could block forever
    left = UNREAD_BYTES
    with contextlib.suppress(Exception):  # the client has gone, or its chunks are malformed
        while left > 0 and (chunk := environ["wsgi.input"].read(min(left, 65_536))):
            left -= len(chunk)


def too_large(limit: int) -> HttpResponse:
    return HttpResponse(status=413, reason=f"The body may have at most {limit} bytes")
