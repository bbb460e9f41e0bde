"""The pattern without the shop: the middleware around a function that notes what it is asked."""

import io

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from . import BodyLimitMiddleware


class Stream(io.BytesIO):
    was_read = False

    def read(self, *arguments: int | None) -> bytes:
        self.was_read = True
        return super().read(*arguments)


def ask(length: str | None, *, kind: str = "application/json") -> tuple[int, bool]:
    """The status, and whether anything of the body was read."""
    stream = Stream(b"x" * 100)
    request = RequestFactory().generic("POST", "/", content_type=kind, **{"wsgi.input": stream})
    request.META["CONTENT_LENGTH"] = length

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204)

    with override_settings(MAX_BODY_BYTES=50):
        return BodyLimitMiddleware(view)(request).status_code, stream.was_read


@pytest.mark.parametrize("length", [None, "", "0", "50", "050"])
def test_what_fits_goes_on(length: str | None) -> None:
    assert ask(length) == (204, False)


@pytest.mark.parametrize("length", ["51", "52428800", "9" * 5000])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain"])
def test_what_does_not_fit_is_refused_unread(length: str, kind: str) -> None:
    assert ask(length, kind=kind) == (413, False)


@pytest.mark.parametrize("length", ["-1", "1e3", " 5", "٥", "0x10", "many"])
def test_rubbish_is_a_bad_request(length: str) -> None:
    assert ask(length) == (400, False)
