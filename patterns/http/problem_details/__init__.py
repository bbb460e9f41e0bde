"""Problem details: every error in one shape, and none of them tells what went wrong inside.

Problem         DRF answers `{"detail"}` or `{"<field>": […]}`, Django answers HTML, and each try/except of ours something of
                its own, often `str(error)`: clients guess, and strangers read of tables and columns.
Guarantee       An error that is raised in a DRF view, or that Django raises around it (unknown route, refused host, failed
                CSRF check, uncaught exception), is `application/problem+json` with the same members, whatever was asked for
                with Accept: type, title, status, code, detail, instance, request_id, errors. So is an error response
                without a body, where the middleware is. The text of an exception is never answered: not that of an uncaught
                one, of Http404 or PermissionDenied, nor of one that an APIException's detail quotes, as DRF's ParseError does.
                Status and headers (Allow, WWW-Authenticate, Retry-After) stay.
Not guaranteed  Responses that a view returns with a body of its own. What you write into a ValidationError is meant
                for the client, and is sent as it is. With DEBUG on, Django's own pages come for 400, 404 and 500.
Cost            No query. A browser sees JSON where DRF's browsable API had an HTML page for its errors.
Use instead     drf-standardized-errors, when the schema should list every error by drf-spectacular; your gateway, when it
                already rewrites errors.

`type` is always about:blank, which says that the status says it all; `code` tells apart what shares one status. `errors` is a
list of {pointer, code, detail}, one for each invalid field, empty for other errors. `pointer` is a JSON Pointer into the
request's body, or query, as a URI fragment: "#/lines/0/quantity". `request_id` is null without `patterns/http/request_id`.

Source: RFC 9457, sections 3 and 4.2.1; RFC 6901, section 6.
"""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler as rest_framework_handler

CONTENT_TYPE = "application/problem+json"


class ProblemRenderer(JSONRenderer):
    media_type = CONTENT_TYPE
    ensure_ascii = True  # an error may echo half of a surrogate pair, which UTF-8 cannot say


def problem(
    request: HttpRequest | Request, *, status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The members, always all of them."""
    return {
        "type": "about:blank",
        "title": title(status),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": escape_uri_path(request.path),  # without the query, which may hold a secret
        "request_id": getattr(request, "request_id", None),
        "errors": errors or [],
    }


def title(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """For DRF's EXCEPTION_HANDLER. What is not meant for a client goes on to Django, which logs it and calls `server_error`."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()  # DRF's handler would answer with the Http404's text
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = rest_framework_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return None
    request = context["request"]
    fields = list(failures(error.detail)) if isinstance(error.detail, list | dict) else []
    response.data = problem(request, status=error.status_code, code=code_of(error), detail=detail_of(error), errors=fields)
    # The view renders with what the request negotiated; an error is a problem also for who asked for HTML.
    request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), CONTENT_TYPE
    return response


def code_of(error: exceptions.APIException) -> str:
    code = error.get_codes()
    return code if isinstance(code, str) else str(error.default_code)


def detail_of(error: exceptions.APIException) -> str:
    """The error's own text; its class's, when the fields say more or when it quotes the exception behind it."""
    own = str(error.detail)
    quotes = any(str(cause) in own for cause in causes(error) if str(cause))
    return str(error.default_detail) if quotes or isinstance(error.detail, list | dict) else own


def causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    while (before := error.__cause__ or error.__context__) and id(before) not in seen:
        seen.add(id(before))
        yield before
        error = before


def failures(detail: Any, pointer: str = "#") -> Iterator[dict[str, str]]:
    """DRF's nested lists and dicts of messages, flat."""
    if isinstance(detail, dict):
        for field, inner in detail.items():
            about_the_whole = field == api_settings.NON_FIELD_ERRORS_KEY
            yield from failures(inner, pointer if about_the_whole else f"{pointer}/{escape(str(field))}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from failures(inner, pointer if isinstance(inner, str) else f"{pointer}/{index}")
    else:
        yield {"pointer": pointer, "code": getattr(detail, "code", None) or "invalid", "detail": str(detail)}


def escape(field: str) -> str:
    return quote(field.replace("~", "~0").replace("/", "~1"), safe="~")


def answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    body = problem(request, status=status, code=code, detail=detail)
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400, "bad_request", "The request cannot be understood.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403, "permission_denied", "You may not do this.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For CSRF_FAILURE_VIEW. The reason goes to the log, by Django."""
    return answer(request, 403, "csrf_failed", "The request's CSRF token is missing or wrong.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404, "not_found", "There is nothing here.")


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500, "error", "Something went wrong on our side. The request_id finds it in our log.")


class BareErrorMiddleware:
    """Gives a body to errors that come without one, as Django's 405 does. Second of MIDDLEWARE, after the request's id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code >= 400 and not response.streaming and not response.content:
            phrase = title(response.status_code)
            body = problem(request, status=response.status_code, code=phrase.lower().replace(" ", "_"), detail=f"{phrase}.")
            response.content = json.dumps(body).encode()
            response["Content-Type"] = CONTENT_TYPE
            response["Content-Length"] = str(len(response.content))
        return response
