"""The limiter as a DRF throttle: 429 with Retry-After, and header fields on every response."""

import math
from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from .limiter import Checks, Decision, Limiter

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports the throttles that settings name


class RateLimitThrottle(BaseThrottle):
    """Subclass it with a limiter and checks. Put all limits of a view into one throttle."""

    limiter: Limiter
    count_locally = True  # during an outage; False allows every request then
    decision: Decision | None = None

    def checks(self, request: Request, view: "APIView") -> Checks:
        """The limits of this request, and the subject of each. Empty: not limited."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: "APIView") -> bool:
        return self.count(self.checks(request, view), view)

    def count(self, checks: Checks, view: "APIView") -> bool:
        """False if one of the limits is reached. Called twice, it counts in two steps."""
        if not checks:
            return True
        self.decision = self.limiter.check(checks, count_locally=self.count_locally)
        if self.decision is None:
            return True
        for name, value in header_fields(self.decision).items():  # DRF sends them with errors too
            view.headers[name] = ", ".join(filter(None, [view.headers.get(name), value]))
        return self.decision.allowed

    def wait(self) -> float | None:
        return self.decision.retry_after_seconds if self.decision else None


def header_fields(decision: Decision) -> dict[str, str]:
    """As lists of structured fields (the draft's sections 3 and 4)."""
    policies = [each.limit for each in decision.standings]
    return {
        "RateLimit-Policy": ", ".join(
            f'"{each.name}";q={each.quota};w={each.window_seconds}' for each in policies
        ),
        "RateLimit": ", ".join(
            f'"{limit.name}";r={remaining};t={math.ceil(reset)}'
            for limit, remaining, reset in decision.standings
        ),
    }
