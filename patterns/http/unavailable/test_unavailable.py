import logging
from collections.abc import Iterator

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path


def down(request: HttpRequest) -> HttpResponse:
    raise OperationalError("the connection to\nthe server was lost")


def closed(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("connection already closed")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    raise OperationalError("down")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [
    path("down/", down),
    path("closed/", closed),
    path("asynchronous/", asynchronous),
    path("broken/", broken),
]


@pytest.fixture(autouse=True)
def with_the_middleware() -> Iterator[None]:
    name = f"{__package__}.UnavailableMiddleware"
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[name]):
        yield


@pytest.mark.parametrize("url", ["/down/", "/closed/", "/asynchronous/"])
def test_a_view_whose_database_is_down_answers_503(url: str) -> None:
    response = Client().get(url)

    assert (response.status_code, response["Retry-After"]) == (503, "2")


async def test_under_asgi_too() -> None:
    response = await AsyncClient().get("/asynchronous/")

    assert response.status_code == 503


def test_the_log_has_one_line_per_request(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Client().get("/down/")

    mine = [each for each in caplog.records if each.name == __package__]
    assert [each.getMessage() for each in mine] == [
        "503 for GET /down/: the connection to the server was lost"
    ]
    assert mine[0].exc_info is None


def test_another_error_stays_an_error() -> None:
    assert Client(raise_request_exception=False).get("/broken/").status_code == 500
