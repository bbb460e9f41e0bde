"""The pattern without the shop: a view that counts its calls, and a clock that stands where the test puts it."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from rest_framework.response import Response
from rest_framework.views import APIView

from . import KeptBytes


class Page:
    """Answers with the number of its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.status = 200
        self.length = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.calls += 1
        return HttpResponse(f"{self.calls}".ljust(self.length), status=self.status, headers={"X-Kind": "page"})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(page: Page, clock: Clock) -> Any:
    return KeptBytes(seconds=1, most=3, longest=50, clock=clock)(page)


def ask(view: Any, url: str = "/", *, method: str = "GET", **headers: str) -> HttpResponse:
    return view(RequestFactory().generic(method, url, headers=headers))


def test_the_bytes_are_made_once_a_second(view: Any, clock: Clock) -> None:
    answers = []
    for now in (0.0, 0.99, 1.0, 1.5, 2.0):
        clock.now = now
        answers.append(ask(view).content)

    assert answers == [b"1", b"1", b"2", b"2", b"3"]


def test_headers_are_kept_and_who_has_the_bytes_gets_none(view: Any) -> None:
    first = ask(view)
    again = ask(view, **{"If-None-Match": first["ETag"]})
    other = ask(view, **{"If-None-Match": '"other"'})

    assert first["X-Kind"] == "page"
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert (other.status_code, other.content) == (200, b"1")


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer x"}, {"Cookie": "sessionid=x"}])
def test_a_persons_answer_is_neither_kept_nor_taken_from_what_is(view: Any, headers: dict[str, str]) -> None:
    answers = [ask(view, **headers), ask(view), ask(view, **headers), ask(view)]

    assert [answer.content for answer in answers] == [b"1", b"2", b"3", b"2"]


def test_another_address_host_or_accept_is_another_answer(view: Any) -> None:
    answers = [
        ask(view),
        ask(view, "/?page=2"),
        ask(view, Host="testserver:81"),
        ask(view, Accept="text/html"),
        ask(view, Accept="text/html"),
    ]

    assert [answer.content for answer in answers] == [b"1", b"2", b"3", b"4", b"4"]


def test_changes_go_through(view: Any, page: Page) -> None:
    ask(view)
    ask(view, method="POST")

    assert page.calls == 2


@pytest.mark.parametrize("status", [404, 500, 302, 204])
def test_only_what_went_well_is_kept(view: Any, page: Page, status: int) -> None:
    page.status = status
    refused = ask(view)
    page.status = 200

    assert (refused.status_code, ask(view).content) == (status, b"2")


def test_what_is_too_long_is_sent_and_not_kept(view: Any, page: Page) -> None:
    page.length = 51

    assert [ask(view).content.strip() for _ in range(2)] == [b"1", b"2"]


def test_the_least_recently_used_goes_first(view: Any, page: Page) -> None:
    for url in ("/1", "/2", "/3", "/1", "/4"):
        ask(view, url)
    before = page.calls
    ask(view, "/1")
    ask(view, "/2")

    assert page.calls == before + 1


def test_a_stream_is_left_alone() -> None:
    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse([b"a", b"b"])

    assert b"".join(KeptBytes(seconds=1)(stream)(RequestFactory().get("/"))) == b"ab"


def test_no_seconds_keep_nothing(page: Page) -> None:
    view = KeptBytes(seconds=0)(page)

    assert [ask(view).content for _ in range(2)] == [b"1", b"2"]


def test_a_view_of_drf_is_rendered_before_it_is_kept() -> None:
    class Hello(APIView):
        authentication_classes: list[type] = []
        permission_classes: list[type] = []

        def get(self, request: Any) -> Response:
            return Response({"hello": "world"})

    view = KeptBytes(seconds=1)(Hello.as_view())

    assert [ask(view, Accept="application/json").content for _ in range(2)] == [b'{"hello":"world"}'] * 2
    assert view.csrf_exempt
