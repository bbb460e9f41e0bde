"""Views that fail in every way, with this module as their URL configuration."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django import forms
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views.decorators.http import require_POST
from rest_framework import serializers
from rest_framework.exceptions import (
    APIException,
    NotAuthenticated,
    ParseError,
    Throttled,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import Code, form_errors, middleware, respond
from .drf import failures
from .openapi import CONTENT, describe_errors

MEMBERS = ["type", "title", "status", "code", "detail", "instance", "request_id", "errors"]
SECRET = "column card_number"


class Conflict(APIException):
    status_code = 409
    default_code = "in_flight"
    default_detail = "Try again in a moment."


RAISED: dict[str, tuple[Exception, int, str]] = {
    "conflict": (Conflict(), 409, "in_flight"),
    "own-code": (Conflict("Another text.", code="another"), 409, "another"),
    "parse": (ParseError(f"Multipart form parse error - {SECRET}"), 400, "malformed_body"),
    "invalid": (ValidationError({"name": ["Too long."]}), 400, "invalid_parameter"),
    "plain": (APIException(), 500, "internal_error"),
    "throttled": (Throttled(wait=7), 429, "throttled"),
    "http404": (Http404(SECRET), 404, "not_found"),
    "denied": (PermissionDenied(SECRET), 403, "permission_denied"),
    "suspicious": (SuspiciousOperation(SECRET), 400, "bad_request"),
    "crash": (RuntimeError(SECRET), 500, "internal_error"),
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


class Form(forms.Form):
    days = forms.IntegerField(min_value=1)

    def clean(self) -> None:
        raise forms.ValidationError("Never.", code="never")


def form(request: HttpRequest) -> HttpResponse:
    errors = form_errors(Form(request.GET))
    return respond(request, 400, code=Code.INVALID_PARAMETER, errors=errors)


@require_POST
def only_post(request: HttpRequest) -> HttpResponse:
    return HttpResponse("posted")


def own(request: HttpRequest, subtype: str) -> HttpResponse:
    return HttpResponse(SECRET, status=503, content_type=f"{request.GET['type']}/{subtype}")


def refuse(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=411, reason="Send a Content-Length")


async def async_refuse(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=429, headers={"Retry-After": "7"})


urlpatterns = [
    path("drf/<name>/", Raising.as_view()),
    path("challenged/", Challenged.as_view()),
    path("plain/<name>/", plain),
    path("only-post/", only_post),
    path("own/<subtype>/", own),
    path("refuse/", refuse),
    path("async-refuse/", async_refuse),
    path("form/", form),
]
handler400 = f"{__package__}.handlers.bad_request"
handler403 = f"{__package__}.handlers.forbidden"
handler404 = f"{__package__}.handlers.not_found"
handler500 = f"{__package__}.handlers.server_error"


@pytest.fixture(autouse=True)
def these_views() -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[f"{__package__}.middleware", "django.middleware.csrf.CsrfViewMiddleware"],
        CSRF_FAILURE_VIEW=f"{__package__}.handlers.csrf_failure",
        REST_FRAMEWORK={
            "EXCEPTION_HANDLER": f"{__package__}.drf.exception_handler",
            "UNAUTHENTICATED_USER": None,
        },
        LOGGING_CONFIG=None,
    ):
        yield


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False, enforce_csrf_checks=True)


def problem_in(answer: Any, status: int) -> dict[str, Any]:
    body = dict(answer.json())
    assert (answer.status_code, answer["Content-Type"], list(body)) == (
        status,
        "application/problem+json",
        MEMBERS,
    ), answer.content
    assert body["status"] == status
    return body


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json", "text/csv"])
@pytest.mark.parametrize("name", RAISED)
def test_whatever_a_drf_view_raises_is_a_problem_however_it_is_asked(
    client: Client, name: str, accept: str
) -> None:
    _, status, code = RAISED[name]
    body = problem_in(
        client.get(f"/drf/{name}/", headers={"Accept": accept}),
        406 if accept == "text/csv" else status,
    )

    assert body["code"] == (code if accept != "text/csv" else "not_acceptable")


@pytest.mark.parametrize("name", ["http404", "denied", "suspicious", "crash"])
def test_whatever_a_plain_view_raises_is_a_problem(client: Client, name: str) -> None:
    _, status, code = RAISED[name]

    assert problem_in(client.get(f"/plain/{name}/"), status)["code"] == code


def test_an_unknown_route_is_a_problem(client: Client) -> None:
    body = problem_in(client.get("/nothing/h%C3%A9re?token=secret"), 404)

    assert (body["title"], body["type"], body["instance"]) == (
        "Not Found",
        "about:blank",
        "/nothing/h%C3%A9re",
    )


def test_a_refused_host_is_a_problem(client: Client) -> None:
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware"]):
        problem_in(client.get("/refuse/", headers={"Host": "evil.example"}), 400)


def test_a_failed_csrf_check_is_a_problem(client: Client) -> None:
    assert problem_in(client.post("/only-post/"), 403)["code"] == "csrf_failed"


def test_an_error_without_a_body_is_given_one_and_keeps_its_headers(client: Client) -> None:
    answer = client.get("/only-post/")

    assert problem_in(answer, 405)["code"] == "method_not_allowed"
    assert (answer["Allow"], answer["Content-Length"]) == ("POST", str(len(answer.content)))


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_html_and_plain_text_are_replaced_by_a_problem(client: Client, kind: str) -> None:
    top, _, subtype = kind.partition("/")

    assert problem_in(client.get(f"/own/{subtype}/?type={top}"), 503)["code"] == "unavailable"


def test_json_of_a_view_is_left_alone(client: Client) -> None:
    assert client.get("/own/json/?type=application").content.decode() == SECRET


def test_a_browser_gets_the_html_of_a_view_but_never_an_empty_body(client: Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    assert client.get("/own/html/?type=text", headers=browser).content.decode() == SECRET
    problem_in(client.get("/own/plain/?type=text", headers=browser), 503)
    problem_in(client.get("/only-post/", headers=browser), 405)


def test_without_handlers_a_browser_gets_djangos_page_and_others_a_problem(client: Client) -> None:
    bare = ModuleType("bare_urls")
    bare.urlpatterns = []  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=bare):
        assert problem_in(client.get("/nothing/"), 404)["code"] == "not_found"
        assert (
            client.get("/nothing/", headers={"Accept": "text/html"})["Content-Type"]
            == "text/html; charset=utf-8"
        )


def test_a_middlewares_reason_phrase_becomes_the_detail(client: Client) -> None:
    body = problem_in(client.get("/refuse/"), 411)

    assert (body["code"], body["detail"], body["title"]) == (
        "length_required",
        "Send a Content-Length.",
        "Length Required",
    )


async def test_under_asgi_it_needs_no_thread(these_views: None) -> None:
    answer = await AsyncClient().get("/async-refuse/")

    assert (problem_in(answer, 429)["code"], answer["Retry-After"]) == ("throttled", "7")
    assert iscoroutinefunction(middleware(async_refuse))


def test_a_forms_errors_are_named_by_pointers(client: Client) -> None:
    body = problem_in(client.get("/form/?days=0"), 400)

    assert body["code"] == "invalid_parameter"
    assert [(each["pointer"], each["code"]) for each in body["errors"]] == [
        ("#/days", "min_value"),
        ("#", "never"),
    ]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("route", ["drf", "plain"])
@pytest.mark.parametrize("name", ["http404", "denied", "suspicious", "crash", "parse"])
def test_no_text_of_an_exception_is_answered(
    client: Client, route: str, name: str, debug: bool
) -> None:
    with override_settings(DEBUG=debug):
        answer = client.get(f"/{route}/{name}/")

    problem_in(answer, answer.status_code)
    assert SECRET not in answer.content.decode()


def test_the_parsers_own_words_about_bad_json_are_not_answered(client: Client) -> None:
    body = problem_in(client.post("/drf/any/", "{lines: []}", content_type="application/json"), 400)

    assert (body["code"], body["detail"]) == ("malformed_body", "The body is malformed.")


def test_a_detail_that_quotes_nothing_is_kept(client: Client) -> None:
    assert problem_in(client.get("/drf/own-code/"), 409)["detail"] == "Another text."


def test_an_uncaught_exception_reaches_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
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
        (
            {"lines": [{"quantity": "x", "colour": "blue"}]},
            [("#/lines/0/quantity", "invalid"), ("#/lines/0/colour", "invalid_choice")],
        ),
        ({"lines": [{"quantity": 1}] * 3}, [("#", "too_many")]),
        ("text", [("#", "invalid")]),
    ],
)
def test_each_invalid_field_is_named_by_a_pointer_into_the_body(
    body: Any, found: list[tuple[str, str]]
) -> None:
    with pytest.raises(ValidationError) as raised:
        Basket(data=body).is_valid(raise_exception=True)

    assert [(each["pointer"], each["code"]) for each in failures(raised.value.detail)] == found


def test_a_pointer_escapes_what_the_rfc_says() -> None:
    [failure] = failures({"a/b~c é": ["No."]})

    assert failure["pointer"] == "#/a~1b~0c%20%C3%A9"


def test_half_of_a_surrogate_pair_is_echoed_and_breaks_nothing(client: Client) -> None:
    RAISED["surrogate"] = (
        ValidationError({"colour": ["\ud800 is no colour."]}),
        400,
        "invalid_parameter",
    )
    try:
        problem_in(client.get("/drf/surrogate/"), 400)
    finally:
        del RAISED["surrogate"]


def test_the_schema_lists_every_code_and_each_operation_its_errors() -> None:
    described = {"description": "Created"}
    schema: dict[str, Any] = {"paths": {"/orders/": {"post": {"responses": {"201": described}}}}}
    with override_settings(PROBLEM_CODES=["out_of_stock"]):
        describe_errors(schema, None, None, True)

    problem = schema["components"]["schemas"]["Problem"]
    assert problem["properties"]["code"]["enum"] == [*map(str, Code), "out_of_stock"]
    assert problem["required"] == MEMBERS
    assert schema["paths"]["/orders/"]["post"]["responses"] == {
        "201": described,
        "default": {"description": "An error", "content": CONTENT},
    }
