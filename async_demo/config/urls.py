from django.conf import settings
from django.urls import include, path

from patterns.http.health import Ready, live


class OurReady(Ready):
    """Carriers are not asked: without some of them it still quotes."""


handler400 = "patterns.http.problem_details.handlers.bad_request"
handler403 = "patterns.http.problem_details.handlers.forbidden"
handler404 = "patterns.http.problem_details.handlers.not_found"
handler500 = "patterns.http.problem_details.handlers.server_error"

urlpatterns = [
    path("live", live),
    path("ready", OurReady.as_view()),
    path("quotes/", include("quotes.urls")),
]
if settings.LAB:
    urlpatterns.append(path("lab/", include("lab.urls")))
