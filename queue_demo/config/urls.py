from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from health_check.views import HealthCheckView


def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing of its dependencies: restarting us would not mend them."""
    return JsonResponse({"status": "live"})


class Ready(HealthCheckView):
    """The dependencies answer. 503, and which one does not, otherwise. The broker is none of the web's: orders are taken without it."""

    checks = ["health_check.checks.Database"]

    async def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        # One shape, whatever is asked for: the library's feeds say 200 when a check fails, and a malformed Accept is a 500.
        request.GET = QueryDict("format=json")
        return await super().get(request, *args, **kwargs)

    def render_to_response_json(self, status: object) -> HttpResponse:
        return super().render_to_response_json(503 if status == 500 else status)


urlpatterns = [
    path("live", live),
    path("ready", Ready.as_view()),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema")),
    path("", include("fulfilment.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
