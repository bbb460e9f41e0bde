from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from . import ALLOW_HEADERS, DEV_ORIGINS, EXPOSE_HEADERS


def refused(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=409, headers={"X-Request-ID": "1"})


urlpatterns = [path("orders/", refused)]


@pytest.fixture(autouse=True)
def with_the_middleware() -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"],
        CORS_ALLOWED_ORIGINS=DEV_ORIGINS,
        CORS_ALLOW_HEADERS=ALLOW_HEADERS,
        CORS_EXPOSE_HEADERS=EXPOSE_HEADERS,
    ):
        yield


@pytest.mark.parametrize("origin", DEV_ORIGINS)
def test_a_preflight_of_a_named_origin_is_answered(origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    response = Client().options("/orders/", headers=headers)

    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == origin
    allowed = response["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "idempotency-key", "if-match", "x-request-id"} <= set(allowed)


def test_a_page_can_read_the_headers_of_an_error() -> None:
    response = Client().post("/orders/", headers={"Origin": DEV_ORIGINS[0]})

    assert response.status_code == 409
    exposed = response["Access-Control-Expose-Headers"].split(", ")
    assert {"ETag", "Location", "RateLimit", "Retry-After", "X-Request-ID"} <= set(exposed)


def test_another_origin_is_not_named() -> None:
    response = Client().post("/orders/", headers={"Origin": "http://evil.example"})

    assert "Access-Control-Allow-Origin" not in response.headers
