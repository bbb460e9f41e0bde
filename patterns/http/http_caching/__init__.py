"""HTTP caching: no cache stores a response for others unless its view says so.

Problem
    Bob sees Alice's page: a cache stored it, because no header said that it was hers.
    An unchanged page is sent again.

Guarantee
    - A response without Cache-Control gets `private, no-store`.
    - A response that sets a cookie is not public.
    - Nor is one to a request with Authorization or a cookie, without
      `same_for_all=True`.
    - `unchanged` answers 304 without a body before the view does its work.

Not guaranteed
    A CDN told to "cache everything" ignores the headers. Your own cache keys need the
    user in them.

Cost
    About 100 bytes of headers.

Use instead
    Django's `condition` and `cache_control`. (Checked 2026-11.)

Source: RFC 9111; RFC 9110, section 13.

Use
    # settings.py
    MIDDLEWARE.insert(0, "patterns.http.http_caching.middleware")

    # your code
    from django.http import JsonResponse

    from patterns.http.http_caching import revalidated, unchanged


    def catalogue(request):
        if (response := unchanged(request, etag="v1")) is None:
            revalidated(response := JsonResponse({"version": 1}), etag="v1")
        return response
"""

from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import quote_etag

CREDENTIALS = ("Authorization", "Cookie")


def public(
    response: HttpResponseBase, *, seconds: int, stale_seconds: int = 0, same_for_all: bool = False
) -> None:
    """Any cache may store it for `seconds`, and serve it `stale_seconds` longer while it asks."""
    stale = {"stale_while_revalidate": stale_seconds} if stale_seconds else {}
    patch_cache_control(response, public=True, max_age=seconds, **stale)
    response.is_same_for_all = same_for_all  # type: ignore[attr-defined]
    if not same_for_all:
        patch_vary_headers(response, CREDENTIALS)


def revalidated(response: HttpResponseBase, etag: str) -> None:
    """Any cache may store it, but must ask each time if it is still current."""
    patch_cache_control(response, public=True, no_cache=True)
    response.headers["ETag"] = quote_etag(etag)
    response.is_same_for_all = True  # type: ignore[attr-defined]


def unchanged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """A 304 if the client has this version already; None if it must be sent."""
    if request.method not in ("GET", "HEAD"):
        return None
    response = get_conditional_response(request, etag=quote_etag(etag))
    if response is not None:
        revalidated(response, etag)
    return response


@sync_and_async_middleware
def middleware(get_response: Any) -> Any:
    """As the first, after SecurityMiddleware: it sees the headers that others add."""

    async def async_middleware(request: HttpRequest) -> HttpResponseBase:
        return closed(request, await get_response(request))

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        return closed(request, get_response(request))

    return async_middleware if iscoroutinefunction(get_response) else sync_middleware


def closed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    sets_cookie = bool(getattr(response, "cookies", None))
    has_credentials = any(request.headers.get(name) for name in CREDENTIALS)
    is_same_for_all = getattr(response, "is_same_for_all", False)
    is_personal = sets_cookie or (has_credentials and not is_same_for_all)
    if is_personal or "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, CREDENTIALS)
    if response.status_code == 304:  # it would be the length of the 200's body, and is 0
        del response.headers["Content-Length"]
    return response
