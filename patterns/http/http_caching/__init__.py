"""HTTP caching: who may keep an answer, for how long, and how to find out that it is still good.

Problem         Bob sees Alice's page: a cache in between keyed it by its address alone, and nobody had said that it was hers.
                And the same megabyte again and again: nobody had said that it has not changed.
Guarantee       An answer that says nothing about caching leaves as `private, no-store`. One that was made for somebody (an
                Authorization header or a cookie came with the request, or a cookie goes with the answer) is never public, whatever
                the view says, unless the view says that it did not look: `public(..., same_for_all=True)`. No shared cache that
                follows RFC 9111, Django's own included, keeps a private answer. A request with the ETag of what the view would
                answer gets 304 without a body, and the view is not called.
Not guaranteed  That a cache follows the rules: a CDN told to "cache everything" does. That a browser forgets: `no-store` is a request.
                Keys that you make yourself (`cache.set(request.path, …)`): no header reaches them; put the user in the key.
Cost            Some 100 bytes of headers. A 304 costs the round trip and the ETag; choose one that is cheaper than the body
                (a generation, a version), or the network is all that you save.
Use instead     Django's `condition`, `cache_control` and ConditionalGetMiddleware, of which this is made; the middleware hashes the
                finished body, so it saves bytes and no work.

Sources: RFC 9111 (HTTP Caching), sections 3, 3.5 and 5.2.2; RFC 9110, section 13.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from django.utils.http import quote_etag

CREDENTIALS = ("Authorization", "Cookie")


def public(response: HttpResponseBase, *, seconds: int, stale_seconds: int = 0, same_for_all: bool = False) -> None:
    """Any cache may keep it for `seconds`, and show it `stale_seconds` longer while it asks for a new one (RFC 5861)."""
    patch_cache_control(response, public=True, max_age=seconds, **({"stale_while_revalidate": stale_seconds} if stale_seconds else {}))
    response.is_same_for_all = same_for_all  # type: ignore[attr-defined]
    if not same_for_all:
        patch_vary_headers(response, CREDENTIALS)  # what nobody in particular got is not for Alice


def revalidated(response: HttpResponseBase, etag: str) -> None:
    """Anybody may keep it, and has to ask each time whether it is still good."""
    patch_cache_control(response, public=True, no_cache=True)
    response.headers["ETag"] = quote_etag(etag)
    response.is_same_for_all = True  # type: ignore[attr-defined]


def unchanged(request: HttpRequest, etag: str) -> HttpResponseBase | None:
    """The 304 to answer with, when the client has this version already; None when it has to be sent."""
    if request.method not in ("GET", "HEAD"):
        return None
    response = get_conditional_response(request, etag=quote_etag(etag))
    if response is not None:
        revalidated(response, etag)
    return response


class ClosedByDefault:
    """Middleware, the outermost but SecurityMiddleware: what leaves without a word on caching is nobody's to keep."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_somebodys = bool(getattr(response, "cookies", None)) or (
            any(request.headers.get(name) for name in CREDENTIALS) and not getattr(response, "is_same_for_all", False)
        )
        if is_somebodys or "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-store"
            patch_vary_headers(response, CREDENTIALS)  # for caches of a browser, and those that look at Vary only
        return response
