"""The pattern without the shop: views that fail in every way, in a URL configuration of its own (this module)."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views.decorators.http import require_POST
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotAuthenticated, ParseError, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import causes, failures

MEMBERS = ["type", "title", "status", "code", "detail", "instance", "request_id", "errors"]
SECRET = "column card_number"


class Conflict(APIException):
    status_code = 409
    default_code = "in_flight"
    default_detail = "Try again in a moment."


def quoting(error: APIException) -> APIException:
    error.__context__ = RuntimeError(SECRET)
    return error


RAISED: dict[str, tuple[Exception, int, str]] = {
    "conflict": (Conflict(), 409, "in_flight"),
    "own-code": (Conflict("Another text.", code="another"), 409, "another"),
    "parse": (ParseError(), 400, "parse_error"),
    "invalid": (ValidationError({"name": ["Too long."]}), 400, "invalid"),
    "throttled": (Throttled(wait=7), 429, "throttled"),
    "http404": (Http404(SECRET), 404, "not_found"),
    "denied": (PermissionDenied(SECRET), 403, "permission_denied"),
    "suspicious": (SuspiciousOperation(SECRET), 400, "bad_request"),
    "crash": (RuntimeError(SECRET), 500, "error"),
    "quoting": (quoting(Conflict(f"It failed: {SECRET}")), 409, "in_flight"),
}


class Raising(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get(self, request: Request, name: str) -> Response:
        raise RAISED[name][0]

    def post(self, request: Request, name: str) -> Response:
        return Response(request.data)


class Challenged(Raising):
    def handle_exception(self, exc: Exception) -> Response:
        exc.auth_header = 'Basic realm="api"'  # type: ignore[attr-defined]
        return super().handle_exception(exc)

    def get(self, request: Request) -> Response:
        raise NotAuthenticated


def plain(request: HttpRequest, name: str) -> HttpResponse:
    raise RAISED[name][0]


@require_POST
def only_post(request: HttpRequest) -> HttpResponse:
    return HttpResponse("posted")


def report(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a report", status=503, content_type="text/plain")


urlpatterns = [
    path("drf/<name>/", Raising.as_view()),
    path("challenged/", Challenged.as_view()),
    path("plain/<name>/", plain),
    path("only-post/", only_post),
    path("report/", report),
]
handler400 = f"{__package__}.bad_request"
handler403 = f"{__package__}.forbidden"
handler404 = f"{__package__}.not_found"
handler500 = f"{__package__}.server_error"


@pytest.fixture(autouse=True)
def these_views() -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[f"{__package__}.BareErrorMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        CSRF_FAILURE_VIEW=f"{__package__}.csrf_failure",
        REST_FRAMEWORK={"EXCEPTION_HANDLER": f"{__package__}.exception_handler", "UNAUTHENTICATED_USER": None},
        LOGGING_CONFIG=None,
    ):
        yield


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def problem_in(answer: Any, status: int) -> dict[str, Any]:
    body = dict(answer.json())
    assert (answer.status_code, answer["Content-Type"], list(body)) == (status, "application/problem+json", MEMBERS), answer.content
    assert body["status"] == status
    return body


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json", "text/csv"])
@pytest.mark.parametrize("name", RAISED)
def test_whatever_a_drf_view_raises_is_a_problem_however_it_is_asked(client: Client, name: str, accept: str) -> None:
    _, status, code = RAISED[name]
    body = problem_in(client.get(f"/drf/{name}/", headers={"Accept": accept}), 406 if accept == "text/csv" else status)

    assert body["code"] == (code if accept != "text/csv" else "not_acceptable")


@pytest.mark.parametrize("name", ["http404", "denied", "suspicious", "crash"])
def test_whatever_a_plain_view_raises_is_a_problem(client: Client, name: str) -> None:
    _, status, code = RAISED[name]

    assert problem_in(client.get(f"/plain/{name}/"), status)["code"] == code


def test_an_unknown_route_is_a_problem(client: Client) -> None:
    body = problem_in(client.get("/nothing/h%C3%A9re?token=secret"), 404)

    assert (body["title"], body["type"], body["instance"]) == ("Not Found", "about:blank", "/nothing/h%C3%A9re")


def test_a_refused_host_is_a_problem(client: Client) -> None:
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        problem_in(client.get("/report/", headers={"Host": "evil.example"}), 400)


def test_a_failed_csrf_check_is_a_problem(client: Client) -> None:
    assert problem_in(client.post("/only-post/"), 403)["code"] == "csrf_failed"


def test_an_error_without_a_body_is_given_one_and_keeps_its_headers(client: Client) -> None:
    answer = client.get("/only-post/")

    assert problem_in(answer, 405)["code"] == "method_not_allowed"
    assert (answer["Allow"], answer["Content-Length"]) == ("POST", str(len(answer.content)))


def test_an_error_with_a_body_of_its_own_is_left_alone(client: Client) -> None:
    assert client.get("/report/").content == b"a report"


@pytest.mark.parametrize("route", ["drf", "plain"])
@pytest.mark.parametrize("name", ["http404", "denied", "suspicious", "crash", "quoting"])
def test_no_text_of_an_exception_is_answered(client: Client, route: str, name: str) -> None:
    assert SECRET not in client.get(f"/{route}/{name}/").content.decode()


def test_the_parsers_own_words_about_bad_json_are_not_answered(client: Client) -> None:
    body = problem_in(client.post("/drf/any/", "{lines: []}", content_type="application/json"), 400)

    assert (body["code"], body["detail"]) == ("parse_error", "Malformed request.")


def test_a_detail_that_quotes_nothing_is_kept(client: Client) -> None:
    assert problem_in(client.get("/drf/own-code/"), 409)["detail"] == "Another text."


def test_an_uncaught_exception_reaches_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/drf/crash/")

    assert SECRET in caplog.text


def test_headers_of_the_error_stay(client: Client) -> None:
    assert client.get("/drf/throttled/")["Retry-After"] == "7"
    assert client.delete("/drf/any/")["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert client.get("/challenged/")["WWW-Authenticate"] == 'Basic realm="api"'


@pytest.mark.parametrize("route", ["drf/conflict", "drf/crash", "nothing"])
def test_the_requests_id_stands_in_the_body_where_there_is_one(client: Client, route: str) -> None:
    without = problem_in(client.get(f"/{route}/"), client.get(f"/{route}/").status_code)
    with override_settings(MIDDLEWARE=[f"{__name__}.naming"]):
        named = Client(raise_request_exception=False).get(f"/{route}/").json()

    assert (without["request_id"], named["request_id"]) == (None, "an id")


def naming(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.request_id = "an id"
        return get_response(request)

    return middleware


class Line(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=1)
    colour = serializers.ChoiceField(choices=["red"], required=False)


class Basket(serializers.Serializer[Any]):
    lines = Line(many=True, allow_empty=False)

    def validate(self, basket: Any) -> Any:
        if len(basket["lines"]) > 2:
            raise ValidationError("At most two lines.", code="too_many")
        return basket


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [("#/lines", "required")]),
        ({"lines": []}, [("#/lines", "empty")]),
        ({"lines": [{"quantity": 1}, {"quantity": 0}]}, [("#/lines/1/quantity", "min_value")]),
        ({"lines": [{"quantity": "x", "colour": "blue"}]}, [("#/lines/0/quantity", "invalid"), ("#/lines/0/colour", "invalid_choice")]),
        ({"lines": [{"quantity": 1}] * 3}, [("#", "too_many")]),
        ("text", [("#", "invalid")]),
    ],
)
def test_each_invalid_field_is_named_by_a_pointer_into_the_body(body: Any, found: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationError) as raised:
        Basket(data=body).is_valid(raise_exception=True)

    assert [(each["pointer"], each["code"]) for each in failures(raised.value.detail)] == found


def test_a_pointer_escapes_what_the_rfc_says() -> None:
    [failure] = failures({"a/b~c é": ["No."]})

    assert failure["pointer"] == "#/a~1b~0c%20%C3%A9"


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first

    assert list(islice(causes(first), 3)) == [second]
    first.__cause__ = second.__cause__ = None


def test_half_of_a_surrogate_pair_is_echoed_and_breaks_nothing(client: Client) -> None:
    RAISED["surrogate"] = (ValidationError({"colour": ["\ud800 is no colour."]}), 400, "invalid")
    try:
        problem_in(client.get("/drf/surrogate/"), 400)
    finally:
        del RAISED["surrogate"]
