from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from patterns.http.health import AMQP, Ready, live


class OurReady(Ready):
    """Without the broker, orders are still accepted; their events wait in the outbox."""

    optional = [(AMQP, {"url": settings.RABBITMQ_URL})] if settings.RABBITMQ_URL else []


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", OurReady.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
    path("", include("fulfilment.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
