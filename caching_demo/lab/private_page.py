"""Cache leaked private data: Bob saw Alice's page.

Alice, Bob and an anonymous visitor ask for /me/recent/ in every order, twice each, through
a shared cache in front of the service: Django's own, which follows Cache-Control and Vary.
The naive side caches the response itself, with the path as the key.
"""

import itertools

from django.conf import settings
from django.core.cache import cache, caches
from django.test import override_settings
from django.test.client import ClientHandler
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue.models import Category, Product
from catalogue.services import load_recent, remember_view
from lab import browser, own_keys, patience
from labkit import Counts, Experiment
from labkit.tokens import login_header
from patterns.http.access_token.drf import BearerAuthentication

NAMES = ("alice", "bob")


class NaiveRecent(APIView):
    """Slow, so it was cached. It checks the login, and then returns what is cached under the path."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response(cache.get_or_set(f"{settings.CACHE_KEY_PREFIX}:{request.path}", lambda: load_recent(request.user.username), 60))


urlpatterns = [path("naive/recent/", NaiveRecent.as_view()), path("", include("catalogue.urls"))]


def naive() -> Counts:
    return ask_through_a_shared_cache("/naive/recent/")


def solved() -> Counts:
    return ask_through_a_shared_cache("/me/recent/")


def ask_through_a_shared_cache(page: str) -> Counts:
    make_visitors()
    shared = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "shared"}
    changes = {
        # the first is the outermost: what a proxy would see
        "MIDDLEWARE": ["django.middleware.cache.CacheMiddleware", *settings.MIDDLEWARE],
        "CACHES": {**settings.CACHES, "shared": shared},
        "CACHE_MIDDLEWARE_ALIAS": "shared",
        "ROOT_URLCONF": __name__,
        "ALLOWED_HOSTS": ["*"],
    }
    counts = {"requests": 0, "own_pages": 0, "leaks": 0}
    for order in itertools.permutations((*NAMES, "")):
        with patience(), own_keys(), override_settings(**changes):
            caches["shared"].clear()
            handler = ClientHandler(enforce_csrf_checks=False)
            for name in order * 2:
                answer = browser(handler, **(login_header(name) if name else {})).get(page)
                seen = {each["name"] for each in answer.json()} if answer.status_code == 200 else set()
                counts["requests"] += 1
                counts["own_pages"] += seen == {name} or (not name and answer.status_code == 401)
                counts["leaks"] += bool(seen - {name})
    return dict(counts)


def make_visitors() -> None:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    for name in NAMES:
        Product.objects.get_or_create(sku=f"LAB-{name}", defaults={"name": name, "price": "4.90", "category": category})
        remember_view(sku=f"LAB-{name}", user=name)


experiment = Experiment(
    challenge="Cache leaked private data: Bob saw Alice's page",
    solution="private, no-store unless the view says public; the user in every private cache key",
    load="two customers and an anonymous visitor ask for their own page, in all 6 orders, twice each, through a shared cache",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["leaks"] > 0,
    holds=lambda counts: counts["leaks"] == 0 and counts["own_pages"] == counts["requests"],
    proof=("leaks",),
    code="patterns/http/http_caching",
)
