"""The limiter as a DRF throttle: 429 with Retry-After, and the header fields on every limited answer."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from .limiter import Limiter, LimiterAway, WhenAway
from .limits import Decision
from .windows import Checks

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports the throttles that the settings name


class CannotCount(APIException):
    status_code = 503
    default_code = "rate_limit_unavailable"
    default_detail = "Requests cannot be counted at the moment. Try again in a moment."
    wait = 1  # seconds; DRF makes it Retry-After


class RateLimitThrottle(BaseThrottle):
    """Say in a subclass what is checked, and with which limiter. For a view's `throttle_classes`; put all its limits into one."""

    when_away: WhenAway = "refuse"
    decision: Decision | None = None

    def checks(self, request: Request, view: "APIView") -> Checks:
        """The limits of this request, and whom each is for; none: it is not limited."""
        raise NotImplementedError

    def limiter(self) -> Limiter:
        raise NotImplementedError

    def allow_request(self, request: Request, view: "APIView") -> bool:
        checks = self.checks(request, view)
        if not checks:
            return True
        try:
            self.decision = self.limiter().check(checks, when_away=self.when_away)
        except LimiterAway as error:
            raise CannotCount from error
        if self.decision is None:
            return True
        show(view, self.decision)
        return self.decision.allowed

    def wait(self) -> float | None:
        return self.decision.retry_after_seconds if self.decision else None


def show(view: "APIView", decision: Decision) -> None:
    """Adds the fields to the headers that DRF puts on whatever the view answers, an error too."""
    for name, value in decision.fields().items():
        view.headers[name] = ", ".join(filter(None, [view.headers.get(name), value]))
