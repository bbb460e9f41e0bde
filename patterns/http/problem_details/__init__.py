"""Problem details: every error in one JSON format with a code, and no exception text.

Problem
    DRF answers `{"detail"}`, Django HTML, a middleware nothing, a try/except
    `str(error)`. Clients guess, and see table names.

Guarantee
    - Errors of DRF views, Django and middlewares are application/problem+json with one
      `Code` per kind. Status and headers stay.
    - So are empty, HTML and plain-text errors of other views. Clients that prefer HTML
      keep it there.
    - No text of an uncaught exception, Http404 or PermissionDenied is sent.

Not guaranteed
    A view's own JSON errors stay as they are. Texts of APIExceptions are sent.

Cost
    No query. Browsers lose DRF's HTML error pages.

Use instead
    drf-standardized-errors, if all errors come from DRF views. (Checked 2026-11.)

Source: RFC 9457, sections 3 and 4.2.1; RFC 6901.

Use
    # settings.py
    MIDDLEWARE.insert(0, "patterns.http.problem_details.middleware")
    CSRF_FAILURE_VIEW = "patterns.http.problem_details.handlers.csrf_failure"
    # or add the line to your REST_FRAMEWORK
    REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "patterns.http.problem_details.drf.exception_handler",
    }

    # your code
    handler400 = "patterns.http.problem_details.handlers.bad_request"  # in urls.py
    handler404 = "patterns.http.problem_details.handlers.not_found"  # also 403 and 500
"""

import json
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.encoding import escape_uri_path

from .codes import DEFAULTS, Code

CONTENT_TYPE = "application/problem+json"
REPLACED = ("text/html", "text/plain")
__all__ = ["CONTENT_TYPE", "Code", "form_errors", "middleware", "problem", "respond", "title"]


def title(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


def problem(
    request: Any, status: int, *, code: str = "", detail: str = "", errors: Any = ()
) -> dict[str, Any]:
    """The members, always all of them. `errors` lists {pointer, code, detail} per field."""
    default = DEFAULTS.get(status) or DEFAULTS[400 if status < 500 else 500]
    return {
        "type": "about:blank",  # the status says the kind; `code` tells apart what shares one
        "title": title(status),
        "status": status,
        "code": str(code or default[0]),
        "detail": detail or default[1],
        "instance": escape_uri_path(request.path),  # no query: it may hold a secret
        "request_id": getattr(request, "request_id", None),
        "errors": list(errors),
    }


def respond(request: HttpRequest, status: int, **members: Any) -> HttpResponse:
    """For views without DRF: `respond(request, 409, code="out_of_stock", detail="…")`."""
    body = json.dumps(problem(request, status, **members))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE)


def form_errors(form: BaseForm) -> list[dict[str, str]]:
    """A Django form's errors, for `errors`. The pointer of `__all__` is the whole: `#`."""
    return [
        {"pointer": "#" if field == "__all__" else f"#/{field}", "code": each["code"] or "invalid",
         "detail": each["message"]}
        for field, found in form.errors.get_json_data().items()
        for each in found
    ]  # fmt: skip


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    async def async_middleware(request: HttpRequest) -> HttpResponse:
        return formatted(request, await get_response(request))

    def sync_middleware(request: HttpRequest) -> HttpResponse:
        return formatted(request, get_response(request))

    return async_middleware if iscoroutinefunction(get_response) else sync_middleware


def formatted(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response; an error that is empty, HTML or plain text with a problem as its body."""
    status = response.status_code
    kind = response.get("Content-Type", "").partition(";")[0]
    if status < 400 or response.streaming or (response.content and kind not in REPLACED):
        return response
    offered = [CONTENT_TYPE, "text/html"]
    if response.content and kind == "text/html" == request.get_preferred_type(offered):
        return response
    own = response.reason_phrase
    detail = f"{own}." if own not in (title(status), "Unknown Status Code") else ""
    response.content = json.dumps(problem(request, status, detail=detail)).encode()
    response["Content-Type"] = CONTENT_TYPE
    response["Content-Length"] = str(len(response.content))
    return response
