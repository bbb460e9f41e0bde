from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from health_check.views import HealthCheckView
from rest_framework.permissions import AllowAny


def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing of its dependencies: restarting us would not mend them."""
    return JsonResponse({"status": "live"})


class Ready(HealthCheckView):
    """The dependencies answer. 503, and which one does not, otherwise."""

    checks = ["health_check.checks.Database"]

    async def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        # One shape, whatever is asked for: the library's feeds say 200 when a check fails, and a malformed Accept is a 500.
        request.GET = QueryDict("format=json")
        return await super().get(request, *args, **kwargs)

    def render_to_response_json(self, status: object) -> HttpResponse:
        return super().render_to_response_json(503 if status == 500 else status)


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", Ready.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[AllowAny]), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema", authentication_classes=[], permission_classes=[AllowAny])),
    path("api/v1/", include("shop.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
