"""Every error of this service, and the ids that lead from it to the log."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pythonjsonlogger.json import JsonFormatter
from rest_framework.test import APIClient

from config.urls import Ready
from patterns.http.problem_details.openapi import problem_schema
from shop.api import orders as views
from shop.models import Order, Product

MEMBERS = ["type", "title", "status", "code", "detail", "instance", "request_id", "errors"]
SECRET = "relation shop_order has no column card_number"
ORDERS = "/api/v1/orders/"
CODES = problem_schema()["properties"]["code"]["enum"]


def problem_in(answer: Any, status: int) -> dict[str, Any]:
    body = dict(json.loads(answer.content))
    assert (answer.status_code, answer["Content-Type"], list(body)) == (status, "application/problem+json", MEMBERS), answer.content
    assert body["request_id"] == answer["X-Request-ID"]
    assert body["code"] in CODES
    return body


def order(api: APIClient, key: str | None = "a key", quantity: int = 1, sku: str = "SKU-000001") -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(ORDERS, {"lines": [{"sku": sku, "quantity": quantity}]}, format="json", headers=headers)


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Every route of the service, with something in each of its parameters' places."""
    for each in patterns:
        route = prefix + re.sub(r"<[^>]+>", "x", str(each.pattern))
        yield from routes(each.url_patterns, route) if isinstance(each, URLResolver) else [route]


@pytest.mark.parametrize("method", ["BREW", "DELETE", "PUT"])
@pytest.mark.parametrize("route", [*routes(get_resolver(settings.ROOT_URLCONF).url_patterns), "/nothing", "/api/v1/nothing/"])
@pytest.mark.django_db
def test_every_route_refuses_a_wrong_method_with_a_problem(client: Client, route: str, method: str) -> None:
    answer = client.generic(method, route)

    if route != "/live":  # answers to anything
        problem_in(answer, answer.status_code)
    assert answer["X-Request-ID"]


def test_the_idempotency_patterns_errors_are_problems(api: APIClient, mug: Product) -> None:
    order(api)

    assert problem_in(order(api, key=None), 400)["code"] == "idempotency_key_required"
    assert problem_in(order(api, quantity=2), 422)["code"] == "idempotency_key_reused"


def test_a_key_in_flight_is_a_problem(api: APIClient, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    from patterns.http.idempotency import decorator

    def busy(*_: Any) -> Any:
        raise decorator.InFlight

    monkeypatch.setattr(decorator, "claim", busy)

    assert problem_in(order(api), 409)["code"] == "idempotency_key_in_flight"


def test_invalid_fields_are_named(api: APIClient, mug: Product) -> None:
    invalid = problem_in(order(api, quantity=0), 400)
    unknown = problem_in(order(api, sku="NO-SUCH"), 400)

    assert [(each["pointer"], each["code"]) for each in invalid["errors"]] == [("#/lines/0/quantity", "min_value")]
    assert [(each["pointer"], each["detail"]) for each in unknown["errors"]] == [("#/lines", "Unknown products: NO-SUCH.")]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("{lines: []}", "application/json", 400, "malformed_json"),
        ("[" * 50_000, "application/json", 400, "malformed_json"),
        ('{"lines": NaN}', "application/json", 400, "malformed_json"),
        ('{"lines": "\\u0000"}', "application/json", 400, "malformed_json"),
        ("{}", "application/json; charset=utf-16", 415, "unsupported_media_type"),
        ("<order/>", "text/xml", 415, "unsupported_media_type"),
        ("{}", "application/json", 400, "invalid"),
    ],
)
def test_each_kind_of_wrong_body_has_its_code(api: APIClient, mug: Product, body: str, content_type: str, status: int, code: str) -> None:
    answer = api.generic("POST", ORDERS, body, content_type=content_type, headers={"Idempotency-Key": "a key"})

    assert problem_in(answer, status)["code"] == code


@pytest.mark.parametrize("query", ["page_size=x", "page_size=0", "ordering=secret", "cursor=x"])
def test_a_wrong_parameter_is_named(client: Client, db: None, query: str) -> None:
    body = problem_in(client.get(f"/api/v1/products/?{query}"), 400)

    assert (body["code"], [each["pointer"] for each in body["errors"]]) == ("invalid_parameter", [f"#/{query.partition('=')[0]}"])


def test_a_login_is_still_asked_for(client: Client, db: None) -> None:
    answer = client.get(ORDERS, headers={"Accept": "text/html"})

    assert problem_in(answer, 401)["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"] == 'Bearer realm="shop"'


def test_a_form_without_its_csrf_token_is_a_problem(customer: Any, mug: Product) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(customer)

    problem_in(client.post(ORDERS, {}, content_type="application/json", headers={"Idempotency-Key": "a key"}), 403)
    assert not Order.objects.exists()


def test_plain_views_errors_are_problems_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> Any:
        raise PermissionDenied(SECRET)

    monkeypatch.setattr(Ready, "get", denied)

    assert problem_in(client.get("/ready"), 403)["code"] == "permission_denied"
    assert problem_in(Client(enforce_csrf_checks=True).post("/ready"), 403)["code"] == "csrf_failed"


@pytest.mark.parametrize("host", ["evil.example", "a b"])
def test_an_unknown_host_is_a_problem(client: Client, host: str) -> None:
    problem_in(client.get("/nothing", headers={"Host": host}), 400)


def test_an_exception_in_a_view_tells_nothing_and_is_found_in_the_log_by_its_id(
    customer: Any, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> Any:
        raise ProgrammingError(SECRET)

    monkeypatch.setattr(views, "place_order", broken)
    api = APIClient(raise_request_exception=False)
    api.force_authenticate(customer)
    with log_lines() as lines:
        answer = order(api)

    body = problem_in(answer, 500)
    assert SECRET not in answer.content.decode()
    [line] = [line for line in lines if SECRET in line]
    entry = json.loads(line)
    assert (entry["level"], entry["request_id"], entry["message"]) == ("ERROR", body["request_id"], f"Internal Server Error: {ORDERS}")


def test_a_refused_request_is_logged_under_the_callers_id(client: Client) -> None:
    with log_lines() as lines:
        answer = client.get("/nothing?token=secret", headers={"X-Request-ID": "from-the-gateway"})

    assert problem_in(answer, 404)["request_id"] == "from-the-gateway"
    [line] = [line for line in lines if "/nothing" in line]
    entry = json.loads(line)
    assert set(entry) == {"time", "level", "logger", "request_id", "message", "status_code"}
    assert (entry["level"], entry["request_id"], entry["message"]) == ("WARNING", "from-the-gateway", "Not Found: /nothing")


class log_lines:
    """What the service's own handler writes meanwhile: its filter and its format, with another stream."""

    def __enter__(self) -> list[str]:
        lines: list[str] = []
        [self.handler] = [each for each in logging.getLogger().handlers if isinstance(each.formatter, JsonFormatter)]
        self.stream = self.handler.setStream(type("Lines", (), {"write": lambda _, text: lines.append(text), "flush": lambda _: None})())
        return lines

    def __exit__(self, *_: object) -> None:
        self.handler.setStream(self.stream)
