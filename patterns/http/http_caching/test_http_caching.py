"""The shared cache in front is Django's own, which follows Cache-Control and Vary."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.cache import CacheMiddleware
from django.test import RequestFactory

from . import middleware, public, revalidated, unchanged

ASK = RequestFactory().get
ALICE = {"Authorization": "Basic YWxpY2U6cHc="}


def asked(view: Any, **headers: str) -> Any:
    return middleware(view)(ASK("/", headers=headers))


def says_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.headers.get("Authorization", "nobody"))


def says_public(request: HttpRequest) -> HttpResponse:
    response = says_nothing(request)
    public(response, seconds=60, stale_seconds=600)
    return response


def looks_at_nobody(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("for all")
    public(response, seconds=60, same_for_all=True)
    return response


def test_a_response_without_cache_control_is_private() -> None:
    assert asked(says_nothing)["Cache-Control"] == "private, no-store"
    assert asked(says_nothing)["Vary"] == "Authorization, Cookie"


def test_a_public_response_to_an_anonymous_request_is_public() -> None:
    assert asked(says_public)["Cache-Control"] == "public, max-age=60, stale-while-revalidate=600"


@pytest.mark.parametrize("headers", [ALICE, {"Cookie": "sessionid=1"}])
def test_a_public_response_to_a_request_with_credentials_is_private(
    headers: dict[str, str],
) -> None:
    assert asked(says_public, **headers)["Cache-Control"] == "private, no-store"


def test_a_view_that_ignores_credentials_may_say_so() -> None:
    assert "public" in asked(looks_at_nobody, **ALICE)["Cache-Control"]


def test_a_response_that_sets_a_cookie_is_private() -> None:
    def gives_a_cookie(request: HttpRequest) -> HttpResponse:
        response = looks_at_nobody(request)
        response.set_cookie("sessionid", "1")
        return response

    assert asked(gives_a_cookie)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("view", [says_nothing, says_public])
def test_a_shared_cache_serves_nobody_the_page_of_another(view: Any, settings: Any) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(view),
        }
    }
    ours = CacheMiddleware(middleware(view), page_timeout=60)

    answers = [
        ours(ASK("/", headers=headers)).content
        for headers in (ALICE, {}, {"Authorization": "Basic Ym9iOnB3"}, {}, ALICE)
    ]

    assert answers == [
        b"Basic YWxpY2U6cHc=",
        b"nobody",
        b"Basic Ym9iOnB3",
        b"nobody",
        b"Basic YWxpY2U6cHc=",
    ]


def test_a_client_with_the_current_etag_gets_304_without_a_body() -> None:
    first = HttpResponse("a megabyte")
    revalidated(first, "v1")
    again = unchanged(ASK("/", headers={"If-None-Match": first["ETag"]}), "v1")
    weak = unchanged(ASK("/", headers={"If-None-Match": f'"other", W/{first["ETag"]}'}), "v1")
    changed = unchanged(ASK("/", headers={"If-None-Match": first["ETag"]}), "v2")

    assert first["Cache-Control"] == "public, no-cache"
    assert again is not None
    assert (again.status_code, again["ETag"], again["Cache-Control"]) == (
        304,
        first["ETag"],
        first["Cache-Control"],
    )
    assert weak is not None
    assert changed is None


def test_only_a_read_can_be_unchanged() -> None:
    assert unchanged(RequestFactory().post("/", headers={"If-None-Match": '"v1"'}), "v1") is None


def test_a_304_has_no_content_length() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=304, headers={"Content-Length": "0", "ETag": '"1"'})

    assert "Content-Length" not in asked(view)


async def test_under_asgi_it_needs_no_thread() -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return says_nothing(request)

    response = await middleware(view)(ASK("/"))

    assert response["Cache-Control"] == "private, no-store"
