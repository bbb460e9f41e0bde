from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from patterns.http.health import Ready, live


class OurReady(Ready):
    """PostgreSQL is all that it needs."""


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", OurReady.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema", permission_classes=[AllowAny])),
    path("", include("warehouse.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
