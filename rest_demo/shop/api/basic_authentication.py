"""HTTP Basic with limited guessing: it checks a password on every route, so a limit on the login alone would be walked around."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.authentication import BasicScheme
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from patterns.rate_limit.throttle import show
from shop.api.throttles import LoginThrottle, login_checks


class LimitedBasicAuthentication(BasicAuthentication):
    def authenticate_credentials(self, userid: str, password: str, request: HttpRequest | Request | None = None) -> tuple[Any, None]:
        """Counted before the password is checked, so that a race gains nothing; a right one is given back."""
        assert isinstance(request, Request)  # noqa: S101 — DRF's views give no other; for the type checker
        throttle = LoginThrottle()
        checks, limiter = login_checks(request, userid), throttle.limiter()
        decision = limiter.check(checks, when_away=throttle.when_away) if checks else None
        if decision and not decision.allowed:
            show(request.parser_context["view"], decision)
            raise Throttled(decision.retry_after_seconds)
        answer = super().authenticate_credentials(userid, password, request)
        if decision:
            limiter.give_back(checks, decision)
        return answer


class LimitedBasicScheme(BasicScheme):  # type: ignore[no-untyped-call]
    """In the OpenAPI schema it is Basic as any other."""

    target_class = "shop.api.basic_authentication.LimitedBasicAuthentication"
