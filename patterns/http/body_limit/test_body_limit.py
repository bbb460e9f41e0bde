import io
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from . import UNREAD_BYTES, middleware


class Stream(io.BytesIO):
    was_read = False

    def read(self, *arguments: int | None) -> bytes:
        self.was_read = True
        return super().read(*arguments)


class Broken(io.BytesIO):
    def read(self, *arguments: int | None) -> bytes:
        raise Exception("invalid chunk size")


def ask(length: str | None, *, kind: str = "application/json") -> tuple[int, bool]:
    """The status, and whether anything of the body was read."""
    stream = Stream(b"x" * 100)
    request = RequestFactory().generic("POST", "/", content_type=kind, **{"wsgi.input": stream})
    request.META["CONTENT_LENGTH"] = length

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204)

    with override_settings(MAX_BODY_BYTES=50):
        return middleware(view)(request).status_code, stream.was_read


@pytest.mark.parametrize("length", [None, "", "0", "50", "050"])
def test_a_body_within_the_limit_goes_on(length: str | None) -> None:
    assert ask(length) == (204, False)


@pytest.mark.parametrize("length", ["51", "52428800", "9" * 5000])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain"])
def test_a_body_that_is_too_large_is_413_unread(length: str, kind: str) -> None:
    assert ask(length, kind=kind) == (413, False)


@pytest.mark.parametrize("length", ["-1", "1e3", " 5", "٥", "0x10", "many"])
def test_a_content_length_that_is_not_a_number_is_400(length: str) -> None:
    assert ask(length) == (400, False)


def chunked(stream: io.BytesIO, *, terminated: bool = True) -> HttpRequest:
    """A request as a WSGI server passes it on: the server has decoded the chunks."""
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": terminated}
    environ |= {"CONTENT_TYPE": "application/json", "HTTP_TRANSFER_ENCODING": "chunked"}
    request = RequestFactory().generic("POST", "/", **environ)
    request.META.pop("CONTENT_LENGTH", None)
    return request


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def drf_echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Request(request, parsers=[JSONParser()]).data))


@pytest.mark.parametrize(("view", "seen"), [(echo, b'{"a": 1}'), (drf_echo, b"{'a': 1}")])
@override_settings(MAX_BODY_BYTES=50)
def test_a_chunked_body_is_read(view: Any, seen: bytes) -> None:
    assert middleware(view)(chunked(io.BytesIO(b'{"a": 1}'))).content == seen


@override_settings(MAX_BODY_BYTES=50)
def test_a_chunked_body_beyond_the_limit_is_413_and_read_no_further() -> None:
    stream = io.BytesIO(bytes(2 * UNREAD_BYTES))

    assert middleware(echo)(chunked(stream)).status_code == 413
    assert stream.tell() == 51 + UNREAD_BYTES


@override_settings(MAX_BODY_BYTES=50)
def test_malformed_chunks_are_400() -> None:
    assert middleware(echo)(chunked(Broken())).status_code == 400


@override_settings(MAX_BODY_BYTES=50)
def test_a_server_that_does_not_end_chunked_bodies_gets_411() -> None:
    answer = middleware(echo)(chunked(io.BytesIO(b"{}"), terminated=False))

    assert (answer.status_code, answer.reason_phrase) == (
        411,
        "Chunked bodies are not accepted here",
    )


@pytest.mark.parametrize(("sent", "left"), [(1000, 0), (5_000_000, 5_000_000 - UNREAD_BYTES)])
@pytest.mark.parametrize("limit", [10_000_000, 50])
def test_a_body_that_nobody_read_is_read_before_the_answer(
    sent: int, left: int, limit: int
) -> None:
    stream = io.BytesIO(b"x" * sent)
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": True}
    request = RequestFactory().generic("POST", "/", **environ)
    request.META["CONTENT_LENGTH"] = str(sent)

    with override_settings(MAX_BODY_BYTES=limit):
        middleware(lambda request: HttpResponse(status=415))(request)

    assert len(stream.read()) == left


@pytest.mark.parametrize(("size", "status"), [(50, 200), (51, 413)])
@override_settings(MAX_BODY_BYTES=50)
async def test_under_asgi_a_chunked_body_has_the_same_limit(size: int, status: int) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(Request(request, parsers=[JSONParser()]).data)

    body = b'"' + b"x" * (size - 2) + b'"'
    request = AsyncRequestFactory().generic(
        "POST", "/", body, content_type="application/json", headers={"Transfer-Encoding": "chunked"}
    )
    request.META.pop("CONTENT_LENGTH", None)

    assert (await middleware(view)(request)).status_code == status
