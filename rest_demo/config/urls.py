from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from patterns.http.health import AMQP, Ready, Redis, live


class OurReady(Ready):
    """Without Redis each process limits for itself; without the broker events wait in the outbox."""

    optional = [
        *([(Redis, {"url": settings.REDIS_URL})] if settings.REDIS_URL else []),
        *([(AMQP, {"url": settings.RABBITMQ_URL})] if settings.RABBITMQ_URL else []),
    ]


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """The public keys of our access tokens (RFC 7517). A new key is published before it signs."""
    headers = {"Cache-Control": "public, max-age=300"}
    return JsonResponse(settings.TOKEN_VERIFIER.jwks(), content_type="application/jwk-set+json", headers=headers)


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", OurReady.as_view()),
    path(".well-known/jwks.json", jwks),
    path("api/schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[AllowAny]), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[], permission_classes=[AllowAny])),
    path("api/v1/", include("shop.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
