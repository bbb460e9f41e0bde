"""Against Django's own WSGI and ASGI handlers: its test client would not pass the wrapper."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from . import asgi, wsgi


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.GET["q"] + request.POST.get("q", ""))


urlpatterns = [path("echo", echo)]

REFUSED = ["zlib", "punycode", "cp037", "utf-16", "latin-1", "no-such", "", "'utf-8'", "\x00"]
TYPES = [f"text/plain; charset={charset}" for charset in REFUSED]
TYPES += ["application/json; charset=utf-16", "text/plain; name*=no-such''x"]


@pytest.fixture(autouse=True, params=[False, True], ids=["production", "debug"])
def these_views(request: pytest.FixtureRequest) -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[f"{__package__}.middleware"],
        DEBUG=request.param,
        ALLOWED_HOSTS=["*"],
    ):
        yield


def get(content_type: str, route: str = "/echo", method: str = "GET", **environ: Any) -> str:
    """The status line of an answer through the WSGI handler."""
    started: list[str] = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": route, "QUERY_STRING": "q=x",
        "CONTENT_TYPE": content_type, "SERVER_NAME": "test", "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(b""), "wsgi.url_scheme": "http", **environ,
    }  # fmt: skip
    list(wsgi(WSGIHandler())(environ, lambda status, _: started.append(status)))
    return started[0]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("route", ["/echo", "/nothing"])
def test_another_charset_is_415_for_every_method_and_route(content_type: str, route: str) -> None:
    answers = {get(content_type, route, method) for method in ("GET", "POST", "BREW")}

    assert answers == {"415 The only supported charset is UTF-8"}


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/plain; charset=UTF-8; a=b"])
def test_utf8_and_no_charset_pass(content_type: str) -> None:
    assert get(content_type) == "200 OK"


def test_a_parameter_of_accept_in_another_charset_is_400() -> None:
    answer = get("", HTTP_ACCEPT="application/json; a*=no-such''x")

    assert answer == "400 The Accept header is malformed"


@pytest.mark.parametrize("charset", ["utf-8", *REFUSED])
async def test_asgi_refuses_the_same(charset: str) -> None:
    scope = {
        "type": "http", "method": "GET", "path": "/echo", "query_string": b"q=x",
        "headers": [(b"content-type", f"text/plain; charset={charset}".encode())],
    }  # fmt: skip
    caller: Any = ApplicationCommunicator(asgi(ASGIHandler()), scope)  # type: ignore[no-untyped-call]
    await caller.send_input({"type": "http.request", "body": b""})

    started, ended = await caller.receive_output(5), await caller.receive_output(5)
    await caller.wait()

    assert (started["status"], ended["more_body"]) == (200 if charset == "utf-8" else 415, False)
