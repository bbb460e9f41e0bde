"""Health endpoints: /live says that the process answers, /ready what it depends on.

Problem
    With one health check for everything, the orchestrator restarts a healthy process
    because its database is down.

Guarantee
    - `live` asks no dependency.
    - `Ready` names every check: 503 when a required one fails, 200 and "degraded" when
      an optional one does.
    - It is JSON whatever the client accepts, without a password or an exception's text.
    - A dependency that hangs fails its check after `timeout`.

Not guaranteed
    That a dependency which answered a ping can do the work.

Cost
    One round trip per dependency and call.

Use instead
    HealthCheckView of django-health-check alone, if every dependency is required.
    (Checked 2026-11.)

Source: Kubernetes, "Liveness, Readiness, and Startup Probes"; django-health-check.

Use
    # your code
    from django.urls import path
    from patterns.http.health import AMQP, Database, Ready, live

    class OurReady(Ready):
        required = [Database]
        optional = [(AMQP, {"url": "amqp://guest@localhost"})]

    urlpatterns = [path("live", live), path("ready", OurReady.as_view())]
"""

import dataclasses
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from health_check import checks
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable
from health_check.views import HealthCheckView

TIMEOUT = timedelta(seconds=2)
Check = type[HealthCheck] | tuple[type[HealthCheck], dict[str, Any]]
logging.getLogger("health_check").setLevel(logging.CRITICAL)  # a traceback per failed probe


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. No dependency is asked: a restart would not repair one."""
    return JsonResponse({"status": "live"})


@dataclasses.dataclass
class Database(checks.Database):
    timeout = TIMEOUT


@dataclasses.dataclass
class Redis(HealthCheck):
    """PING. Needs redis-py."""

    url: str = dataclasses.field(repr=False)
    timeout = TIMEOUT

    def run(self) -> None:  # the library runs it in a thread
        import redis

        seconds = self.timeout.total_seconds() / 2
        limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        try:
            with redis.Redis.from_url(self.url, **limits) as client:
                client.ping()
        except redis.RedisError as error:
            raise ServiceUnavailable("no answer") from error


@dataclasses.dataclass
class AMQP(HealthCheck):
    """Opens a connection and closes it. Needs pika."""

    url: str = dataclasses.field(repr=False)
    timeout = TIMEOUT

    def run(self) -> None:
        import pika

        parameters = pika.URLParameters(self.url)
        seconds = self.timeout.total_seconds() / 2
        parameters.socket_timeout = parameters.stack_timeout = seconds
        parameters.connection_attempts = 1
        try:
            pika.BlockingConnection(parameters).close()
        except (pika.exceptions.AMQPError, OSError) as error:
            raise ServiceUnavailable("no answer") from error


class Ready(HealthCheckView):
    required: Sequence[Check] = (Database,)
    optional: Sequence[Check] = ()

    @property
    def checks(self) -> list[Check]:
        return [*self.required, *self.optional]

    async def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # the library answers a failed check with 200 in some formats
        request.GET = QueryDict("format=json")
        response: HttpResponse = await super().get(request, *args, **kwargs)
        return response

    def render_to_response_json(self, status: int) -> HttpResponse:
        required = {each[0] if isinstance(each, tuple) else each for each in self.required}
        failed = [type(result.check) for result in self.results if result.error]
        is_ready = not required.intersection(failed)
        words = {True: "degraded" if failed else "ready", False: "unavailable"}
        found = {
            type(result.check).__name__: "unavailable" if result.error else "ok"
            for result in self.results
        }
        body = {"status": words[is_ready], "checks": found}
        headers = {} if is_ready else {"Retry-After": "2"}
        return JsonResponse(body, status=200 if is_ready else 503, headers=headers)
