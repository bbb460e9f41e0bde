"""Errors that Django REST Framework's views raise."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler as rest_framework_handler

from . import CONTENT_TYPE, Code, problem

RENAMED = {"parse_error": Code.MALFORMED_BODY, "error": Code.INTERNAL_ERROR}


class ProblemRenderer(JSONRenderer):
    media_type = CONTENT_TYPE
    ensure_ascii = True  # an error may echo a lone surrogate, which UTF-8 cannot encode


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Returns None for what is not meant for a client: Django logs it, and answers 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()  # without the text of the Http404
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = rest_framework_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return None
    request = context["request"]
    code, errors = code_of(error), []
    detail = str(error.detail)
    if isinstance(error.detail, list | dict):
        detail, errors = str(error.default_detail), list(failures(error.detail))
        # a request without a body can only be wrong in its query
        code = Code.INVALID_PARAMETER if request.method in ("GET", "HEAD") else Code.INVALID
    elif code == Code.MALFORMED_BODY:
        detail = "The body is malformed."  # DRF's parsers quote an exception
    response.data = problem(request, error.status_code, code=code, detail=detail, errors=errors)
    # also for a client that negotiated HTML
    request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), CONTENT_TYPE
    return response


def code_of(error: exceptions.APIException) -> str:
    code = error.get_codes()
    code = code if isinstance(code, str) else error.default_code
    return RENAMED.get(code, code)


def failures(detail: Any, pointer: str = "#") -> Iterator[dict[str, str]]:
    """DRF's nested lists and dicts of messages, one entry each with its JSON Pointer."""
    if isinstance(detail, dict):
        for field, inner in detail.items():
            is_whole = field == api_settings.NON_FIELD_ERRORS_KEY
            yield from failures(inner, pointer if is_whole else f"{pointer}/{escape(str(field))}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from failures(inner, pointer if isinstance(inner, str) else f"{pointer}/{index}")
    else:
        code = getattr(detail, "code", None) or "invalid"
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def escape(field: str) -> str:
    return quote(field.replace("~", "~0").replace("/", "~1"), safe="~")
