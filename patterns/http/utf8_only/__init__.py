"""UTF-8 only: refuse a request that names another charset, before Django decodes it.

Problem
    Django decodes the query with the charset that the client names, before any
    middleware runs. `charset=zlib` gives 500. `charset=cp037` gives another query than
    the cache reads.

Guarantee
    - Any charset but UTF-8 in Content-Type gets 415, for every method and route, before
      query or body are decoded.
    - So does a parameter in an unknown charset (`name*=no-such''x`); in Accept, 400.

Not guaranteed
    Valid UTF-8: Django replaces invalid bytes. Django's test client bypasses the
    wrapper in wsgi.py or asgi.py.

Cost
    Two header checks. Clients that post Latin-1 forms are refused.

Use instead
    A rule in your proxy, if it can look into Content-Type. (Checked 2026-11.)

Source: RFC 8259, section 8.1; RFC 8187, section 3.2.1.

Use
    # settings.py
    MIDDLEWARE.insert(0, "patterns.http.utf8_only.middleware")

    # your code
    from django.core.wsgi import get_wsgi_application

    from patterns.http.utf8_only import wsgi  # asgi for asgi.py

    application = wsgi(get_wsgi_application())
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import parse_header_parameters

# Django can construct a request with this one, DRF has no parser for it, and the middleware
# answers 415: inside the chain, so that the answer has an id, a log line and a format.
UNSUPPORTED = "application/x-unsupported-charset"

WSGIApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]
ASGIApplication = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def is_utf8(content_type: str) -> bool:
    try:
        charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
    except (LookupError, ValueError):  # a parameter in an unknown charset (RFC 8187)
        return False
    return charset.lower() in ("utf-8", "utf8")


def wsgi(application: WSGIApplication) -> WSGIApplication:
    def checked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not is_utf8(environ.get("CONTENT_TYPE", "")):
            environ["CONTENT_TYPE"] = UNSUPPORTED
        return application(environ, start_response)

    return checked


def asgi(application: ASGIApplication) -> ASGIApplication:
    async def checked(scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = [
            (
                name,
                value
                if name != b"content-type" or is_utf8(value.decode("latin-1"))
                else UNSUPPORTED.encode(),
            )
            for name, value in scope.get("headers", [])
        ]
        await application({**scope, "headers": headers}, receive, send)

    return checked


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """Answers without a body. A middleware around it may give the error its format."""

    async def async_middleware(request: HttpRequest) -> HttpResponse:
        return refusal(request) or await get_response(request)

    def sync_middleware(request: HttpRequest) -> HttpResponse:
        return refusal(request) or get_response(request)

    return async_middleware if iscoroutinefunction(get_response) else sync_middleware


def refusal(request: HttpRequest) -> HttpResponse | None:
    if request.content_type == UNSUPPORTED:
        return HttpResponse(status=415, reason="The only supported charset is UTF-8")
    try:
        request.accepted_types  # noqa: B018 — parsed here, and cached
    except (LookupError, ValueError):
        request.META["HTTP_ACCEPT"] = "*/*"
        return HttpResponse(status=400, reason="The Accept header is malformed")
    return None
