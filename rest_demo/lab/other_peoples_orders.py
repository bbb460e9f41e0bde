"""I can read someone else's order.

A visitor, another customer and a staff member try each method on each route of an order
that is not theirs, and the same on an order that does not exist. The naive views check
that the caller is logged in, and look up the order by the id in the URL.
"""

import uuid
from itertools import product
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.test import override_settings
from django.urls import path
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from config import urls
from labkit import Counts, Experiment
from labkit.logs import quiet
from shop import urls as shop_urls
from shop.api.orders import OrderCancellation, OrderDetail, OrderList
from shop.api.serializers import OrderSerializer
from shop.models import Order, Product
from shop.services import cancel_order, place_order

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ROUTES = [f"/api/v1/{each.pattern}" for each in shop_urls.urlpatterns if "orders/" in str(each.pattern)]
STRANGERS = ("visitor", "other", "staff")  # staff may read every order; only an admin may change one
PRICE = "1234.56"  # in a response, it can only come from the order


class NaiveOrderList(OrderList):
    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.with_lines()


class NaiveOrderDetail(OrderDetail):
    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.with_lines()


class NaiveOrderCancellation(OrderCancellation):
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(OrderSerializer(cancel_order(get_object_or_404(Order, pk=pk))).data)


class CheckedOrderDetail(OrderDetail):
    """The obvious fix: look it up, compare the owner, answer 403. It reveals which ids are orders."""

    def get_object(self) -> Order:
        order = get_object_or_404(Order.objects.with_lines(), pk=self.kwargs["pk"])
        if order.customer_id != self.request.user.pk and not self.request.user.is_staff:
            raise PermissionDenied
        return order


urlpatterns = [
    path("api/v1/orders/", NaiveOrderList.as_view()),
    path("api/v1/orders/<uuid:pk>/", NaiveOrderDetail.as_view()),
    path("api/v1/orders/<uuid:pk>/cancellation/", NaiveOrderCancellation.as_view()),
    path("checked/<uuid:pk>/", CheckedOrderDetail.as_view()),
    *urls.urlpatterns,
]


def naive() -> Counts:
    with override_settings(ROOT_URLCONF=__name__):
        return ask(ROUTES) | {"existence_revealed_by_403": ask(["/checked/<uuid:pk>/"])["existence_revealed"]}


def solved() -> Counts:
    return ask(ROUTES)


def ask(routes: list[str]) -> Counts:
    owner, *_ = [get_user_model().objects.get_or_create(username=name, is_staff=name == "staff")[0] for name in ("owner", "other", "staff")]
    mug, _ = Product.objects.get_or_create(sku="SKU-OTHERS", defaults={"name": "Mug", "price": PRICE})
    counts: Counts = {"calls": 0, "shown": 0, "existence_revealed": 0, "changed": 0}
    for who, route, verb in product(STRANGERS, routes, VERBS):
        Product.objects.filter(pk=mug.pk).update(stock=1)
        order = place_order(customer=owner, quantities={mug.sku: 1})
        with quiet():
            answer, of_none = (call(who, route, verb, number) for number in (order.pk, uuid.uuid4()))
        may_look = who == "staff" and "<uuid:pk>" in route and verb in ("GET", "HEAD")
        counts["calls"] += 1
        counts["shown"] += PRICE in answer.content.decode() and not may_look
        counts["existence_revealed"] += who != "staff" and answer.status_code != of_none.status_code
        counts["changed"] += Order.objects.values_list("status", flat=True).get(pk=order.pk) != order.status
    return counts


def call(who: str, route: str, verb: str, number: uuid.UUID) -> Any:
    client = APIClient(raise_request_exception=False, SERVER_NAME="localhost")
    if who != "visitor":
        client.force_authenticate(get_user_model().objects.get(username=who))
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return client.generic(verb, route.replace("<uuid:pk>", str(number)), "{}", content_type="application/json", headers=headers)


experiment = Experiment(
    challenge="I can read someone else's order",
    solution="every view starts from a QuerySet of the rows that this user may see; all else is 404",
    load=f"{', '.join(STRANGERS)} × every route of an order × {', '.join(VERBS)}, on somebody else's order and on one that does not exist",
    naive=naive,
    solved=solved,
    breaks=lambda counts: min(counts["shown"], counts["existence_revealed"], counts["changed"]) > 0,
    holds=lambda counts: counts["calls"] > 0 and (counts["shown"], counts["existence_revealed"], counts["changed"]) == (0, 0, 0),
    proof=("shown", "existence_revealed", "changed"),
    code="shop/models.py",
)
