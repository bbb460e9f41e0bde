from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "live"})


def ready(request: HttpRequest) -> HttpResponse:
    """The portal depends on nothing: a demo that is down is what it is there to show."""
    return JsonResponse({"status": "ready"})


urlpatterns = [
    path("live", live),
    path("ready", ready),
    path("", include("door.urls")),
]
