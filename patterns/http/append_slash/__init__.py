"""Trailing slashes: redirect a read to the URL with a slash, and never a write.

Problem
    Django redirects POST /orders to /orders/ with 301. Clients then send GET, receive
    200 and a list, and nothing was ordered.

Guarantee
    - GET and HEAD without the slash are redirected, as by Django.
    - Any other method without the slash is 404.

Not guaranteed
    A URL that exists in both forms is left alone, as by Django.

Cost
    Nothing.

Use instead
    APPEND_SLASH = False, if no browser visits your URLs. (Checked 2026-11.)

Source: RFC 9110, section 15.4.2; Django, "CommonMiddleware".

Use
    # settings.py
    # in place of django.middleware.common.CommonMiddleware:
    MIDDLEWARE += ["patterns.http.append_slash.AppendSlashMiddleware"]
"""

from django.http import HttpRequest
from django.middleware.common import CommonMiddleware

SAFE = ("GET", "HEAD")


class AppendSlashMiddleware(CommonMiddleware):
    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return request.method in SAFE and super().should_redirect_with_slash(request)
