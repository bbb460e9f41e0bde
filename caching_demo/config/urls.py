from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from patterns.http.health import Ready, Redis, live


class Counters(Redis):
    """The other Redis: a check has its class's name."""


class OurReady(Ready):
    """Without Redis pages come from the database: a 503 would turn a slowdown into an outage."""

    optional = [(kind, {"url": url}) for kind, url in ((Redis, settings.REDIS_URL), (Counters, settings.COUNTERS_URL)) if url]


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", OurReady.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[AllowAny]), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[], permission_classes=[AllowAny])),
    path("", include("catalogue.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
