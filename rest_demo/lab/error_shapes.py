"""Every endpoint has its own error shape.

The same invalid requests go to the shop as it is, and to a shop as it usually grows: DRF's
defaults, a try/except with `str(error)` in some views, and Django's HTML for the rest. A
shape is a content type with the set of the body's top-level keys.
"""

import json
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import ProgrammingError, connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from config import urls
from labkit import Counts, Experiment
from labkit.logs import quiet
from patterns.http.idempotency.models import StoredAnswer
from shop.api.orders import OrderList
from shop.api.products import ProductList
from shop.models import Order, Product

PRODUCTS, ORDERS, LOGIN = "/api/v1/products/", "/api/v1/orders/", "/api/v1/auth/token/"
ONE_MUG = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}
NO_ORDER = "00000000-0000-4000-8000-000000000000"
DATABASE_ERROR = "relation shop_order has no column card_number"
JSON_ERROR = "Expecting property name enclosed in double quotes"  # Python's, of the body {lines: []}
MEMBERS = {"type", "title", "status", "code", "detail", "instance", "request_id", "errors"}

# Kind of error, caller, method, route, options. For "broken", the database fails on the shop's tables.
Call = tuple[str, str, str, str, dict[str, Any]]
CALLS: list[Call] = [
    *[("unknown route", "customer", "GET", route, {}) for route in ("/nothing", "/api/v1/nothing/", f"{ORDERS}1/", f"{ORDERS}{NO_ORDER}/")],
    *[("wrong method", "customer", "DELETE", route, {}) for route in ("/ready", "/api/schema/", PRODUCTS, ORDERS)],
    *[("not logged in", "visitor", method, ORDERS, {}) for method in ("GET", "POST")],
    ("wrong password", "visitor", "POST", LOGIN, {"body": {"username": "customer", "password": "wrong"}}),
    ("wrong token", "visitor", "GET", ORDERS, {"headers": {"Authorization": "Bearer malformed"}}),
    ("no CSRF token", "forged", "POST", ORDERS, {"body": ONE_MUG}),
    ("unknown host", "customer", "GET", "/nothing", {"headers": {"Host": "evil.example"}}),
    *[("unknown format", "customer", "GET", f"{route}?format=xml", {}) for route in (PRODUCTS, ORDERS)],
    *[("not acceptable", "customer", "GET", route, {"headers": {"Accept": "text/csv"}}) for route in (PRODUCTS, ORDERS)],
    ("asked by a browser", "visitor", "GET", ORDERS, {"headers": {"Accept": "text/html"}}),
    ("unsupported media type", "customer", "POST", ORDERS, {"body": "<order/>", "type": "text/xml", "key": "xml"}),
    ("bad JSON", "customer", "POST", ORDERS, {"body": "{lines: []}", "key": "bad"}),
    ("bad JSON", "customer", "POST", ORDERS, {"body": "[" * 100_000, "key": "deep"}),
    ("invalid fields", "customer", "POST", ORDERS, {"body": {"lines": [{"sku": "", "quantity": 0}]}, "key": "fields"}),
    ("invalid fields", "customer", "POST", ORDERS, {"body": {}, "key": "empty"}),
    ("invalid fields", "customer", "POST", ORDERS, {"body": [], "key": "list"}),
    ("unknown product", "customer", "POST", ORDERS, {"body": {"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, "key": "sku"}),
    ("missing key", "customer", "POST", ORDERS, {"body": ONE_MUG}),
    ("reused key", "customer", "POST", ORDERS, {"body": {"lines": [{"sku": "SKU-000001", "quantity": 2}]}, "key": "used"}),
    *[("exception in a view", "broken", "GET", route, {}) for route in (PRODUCTS, ORDERS)],
    ("exception in a view", "broken", "POST", ORDERS, {"body": ONE_MUG, "key": "broken"}),
]


class NaiveProductList(ProductList):
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            return super().list(request, *args, **kwargs)
        except Exception as error:
            return Response({"success": False, "message": str(error)}, status=500)


class NaiveOrderList(OrderList):
    parser_classes = [JSONParser]  # DRF's own

    def place(self, request: Request) -> Response:
        try:
            return super().place(request)
        except Exception as error:
            return Response({"error": str(error)}, status=400)


# The naive shop: its two views before those of the real one, and no handlers, so Django's own
urlpatterns = [
    path("api/v1/products/", NaiveProductList.as_view()),
    path("api/v1/orders/", NaiveOrderList.as_view()),
    *urls.urlpatterns,
]


def naive() -> Counts:
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[
            name for name in settings.MIDDLEWARE if not name.startswith(("patterns.http.request_id.", "patterns.http.problem_details."))
        ],
        REST_FRAMEWORK={key: value for key, value in settings.REST_FRAMEWORK.items() if key != "EXCEPTION_HANDLER"},
        CSRF_FAILURE_VIEW="django.views.csrf.csrf_failure",
    ):
        return ask()


def solved() -> Counts:
    return ask()


def ask() -> Counts:
    customer, _ = get_user_model().objects.get_or_create(username="customer")
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug", "price": "4.90", "stock": 1000})
    Order.objects.all().delete()
    StoredAnswer.objects.all().delete()
    with quiet():
        send(customer, ("", "customer", "POST", ORDERS, {"body": ONE_MUG, "key": "used"}))
        answers = [send(customer, call) for call in CALLS]
    texts = [answer.content.decode() for answer in answers]
    return {
        "requests": len(answers),
        "errors": sum(answer.status_code >= 400 for answer in answers),
        "shapes": len({shape(answer) for answer in answers}),
        "leaked_exception_texts": sum(DATABASE_ERROR in text or JSON_ERROR in text for text in texts),
        "without_request_id": sum(not answer.headers.get("X-Request-ID") for answer in answers),
        "problems": sum(shape(answer) == ("application/problem+json", frozenset(MEMBERS)) for answer in answers),
    }


def send(customer: Any, call: Call) -> HttpResponse:
    _, who, method, route, options = call
    client = Client(raise_request_exception=False, enforce_csrf_checks=who == "forged", SERVER_NAME="localhost")
    if who != "visitor":
        client.force_login(customer)
    body = options.get("body", "")
    headers = options.get("headers", {}) | ({"Idempotency-Key": options["key"]} if "key" in options else {})
    with connection.execute_wrapper(refuse if who == "broken" else run):
        data = body if isinstance(body, str) else json.dumps(body)
        answer = client.generic(method, route, data, content_type=options.get("type", "application/json"), headers=headers)
    return cast(HttpResponse, answer)


def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    return execute(sql, params, many, context)


def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if '"shop_' in sql:
        raise ProgrammingError(DATABASE_ERROR)
    return execute(sql, params, many, context)


def shape(answer: HttpResponse) -> tuple[str, frozenset[str]]:
    """The content type and the top-level keys of the body. A list or a text has none."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    body = json.loads(answer.content) if kind.endswith("json") and answer.content else None
    return kind, frozenset(body if isinstance(body, dict) else ())


experiment = Experiment(
    challenge="Every endpoint has its own error shape",
    solution="problem details (RFC 9457) from one handler, with the request ID",
    load=f"{len(CALLS)} invalid requests of {len({call[0] for call in CALLS})} kinds, to existing and to unknown routes",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["shapes"] > 1 and counts["leaked_exception_texts"] > 0,
    holds=lambda counts: (
        counts["errors"] == counts["requests"] == counts["problems"]
        and (counts["shapes"], counts["leaked_exception_texts"], counts["without_request_id"]) == (1, 0, 0)
    ),
    proof=("shapes", "leaked_exception_texts"),
    code="patterns/http/problem_details",
)
