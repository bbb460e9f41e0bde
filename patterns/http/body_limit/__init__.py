"""A limit for request bodies: what is too large is refused before a byte of it is read.

Problem         Somebody posts 50 MB of JSON. Django's DATA_UPLOAD_MAX_MEMORY_SIZE guards `request.body` and forms; DRF's parsers read
                the stream, and never ask: the worker holds the text, then the objects made of it, ten times as large.
Guarantee       A request that announces more than `max_bytes` is answered 413, its body unread, whatever its route and type. One that
                announces no length is read as empty under WSGI, as Django does; one that announces rubbish is answered 400.
Not guaranteed  Anything about the connection: a server may read the rest, or close it. Multipart uploads have the same limit; give
                those a route and a limit of their own, at the proxy. A small body can still be deeply nested, or cost much to process.
Cost            One look at a header.
Use instead     The proxy's limit (nginx: client_max_body_size), in front of every service; this is for those who have none, or whose
                limit is meant for the largest upload of all services.

In settings: `patterns.http.body_limit.BodyLimitMiddleware` before whatever reads the body, and MAX_BODY_BYTES.

Source: RFC 9110, section 15.5.14 (413 Content Too Large); Django documentation, "DATA_UPLOAD_MAX_MEMORY_SIZE".
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class BodyLimitMiddleware:
    """Answers without a body; a middleware around it may give the error its shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if not (announced.isascii() and announced.isdigit()):
            return HttpResponse(status=400)
        limit: int = settings.MAX_BODY_BYTES
        # len: int() of a million digits takes seconds
        if len(announced) > 15 or int(announced) > limit:
            return HttpResponse(status=413)
        return self.get_response(request)
