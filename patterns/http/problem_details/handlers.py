"""For urls.py and CSRF_FAILURE_VIEW of a service that has no HTML pages."""

from django.http import HttpRequest, HttpResponse

from . import Code, respond


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = "The CSRF token is missing or wrong."  # Django logs the reason
    return respond(request, 403, code=Code.CSRF_FAILED, detail=detail)
