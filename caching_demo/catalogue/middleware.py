"""Every response says what the cache did (Cache-Status, RFC 9211) and how old it is (Age)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware


class CacheStatus:
    """Adds both headers to responses that no cache took part in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        why = "bypass" if request.method in ("GET", "HEAD", "OPTIONS") else "method"
        response.headers.setdefault("Cache-Status", f"catalogue; fwd={why}")
        response.headers.setdefault("Age", "0")
        return response


class ConditionalGet(ConditionalGetMiddleware):
    """Django's, also for HEAD, and only for 200.

    Its 304 lacks Cache-Status and Age, which a 304 has to renew (RFC 9111, section 4.3.4).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") or response.status_code != 200:
            return response
        asked, request.method = request.method, "GET"
        answer = super().process_response(request, response)
        request.method = asked
        for name in ("Cache-Status", "Age"):
            if name in response.headers:
                answer.headers[name] = response.headers[name]
        return answer
