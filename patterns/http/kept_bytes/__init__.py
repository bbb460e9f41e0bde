"""Kept bytes: the answer to a public GET is made once a second, and sent again as it is.

Problem         A thousand visitors ask for the same first page. Each time the same rows are read, turned into objects, into dicts, into
                text: the work is done a thousand times, and its result has not changed.
Guarantee       A GET or HEAD without Authorization and Cookie is answered with the bytes of the same address, host and Accept that
                were made at most `seconds` ago in this process; only answers with 200 are kept, at most `most` of them, none
                longer than `longest` bytes, the least recently used goes first. They carry an ETag, and who has them is
                answered 304 without a body. All other requests go to the view, and leave nothing.
Not guaranteed  Freshness: a change is seen up to `seconds` later, and each process keeps its own, so two requests may see it
                in the wrong order. What depends on the visitor in another way than by those headers (language, a header of your
                own) must not be kept. One load when many miss at once.
Cost            `most` × `longest` bytes of memory in each process, at the most. A hash of each body that is kept.
Use instead     `Cache-Control: public` and a CDN or nginx's proxy_cache in front, which also spare the process. Django's
                cache_page, when the pages are to be shared by all processes: it asks the store each time, and it has no 304 of its own.
                caching_demo's single_flight and generations, when a change must be seen at once.

Source: RFC 9110, sections 8.8.3 (ETag) and 13.1.2 (If-None-Match); Django documentation, "Conditional View Processing".
"""

import functools
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

View = Callable[..., Any]


class Kept(NamedTuple):
    until: float
    content: bytes
    headers: dict[str, str]


class KeptBytes:
    """A decorator for a view, also one of DRF's `as_view()`: `KeptBytes(seconds=1)(ProductList.as_view())`. 0 seconds keep nothing."""

    def __init__(self, *, seconds: float, most: int = 1_000, longest: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.most, self.longest, self.clock = seconds, most, longest, clock
        self.kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, view: View) -> View:
        @functools.wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            personal = request.META.get("HTTP_AUTHORIZATION") or request.META.get("HTTP_COOKIE")
            if not self.seconds or personal or request.method not in ("GET", "HEAD"):
                return view(request, *args, **kwargs)
            key = request.build_absolute_uri(), request.META.get("HTTP_ACCEPT", "")
            found = self.look(key)
            if found is None:
                response = view(request, *args, **kwargs)
                if response.status_code != 200 or response.streaming:
                    return response
                if hasattr(response, "render"):
                    response.render()
                found = self.keep(key, response)
            fresh = HttpResponse(found.content, headers=found.headers)
            return get_conditional_response(request, etag=found.headers["ETag"], response=fresh)

        answer.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
        return answer

    def look(self, key: tuple[str, str]) -> Kept | None:
        with self._lock:
            found = self.kept.get(key)
            if found is None or found.until <= self.clock():
                return None
            self.kept.move_to_end(key)
            return found

    def keep(self, key: tuple[str, str], response: HttpResponse) -> Kept:
        etag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        found = Kept(self.clock() + self.seconds, response.content, {**dict(response.items()), "ETag": etag})
        with self._lock:
            if len(found.content) <= self.longest:
                self.kept[key] = found
                self.kept.move_to_end(key)
            while len(self.kept) > self.most:
                self.kept.popitem(last=False)
        return found
