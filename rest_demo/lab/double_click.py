"""The customer double-clicked: two orders.

50 requests with one Idempotency-Key arrive at the same moment. The naive endpoint checks
whether the customer has just placed an order, and places one if not: all requests check
before any of them has inserted its order.
"""

import json
import time
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from labkit import Counts, Experiment, at_once
from shop.api.orders import OrderList
from shop.models import Order, Product

CLICKS = 50
PAYMENT_SECONDS = 0.2


class PaidOrderList(OrderList):
    """The solved endpoint, with a payment before each order."""

    def place(self, request: Request) -> Response:
        time.sleep(PAYMENT_SECONDS)
        return super().place(request)


class NaiveOrderList(PaidOrderList):
    def post(self, request: Request) -> Response:
        just_now = timezone.now() - timedelta(minutes=1)
        if Order.objects.filter(customer=request.user.pk, placed_at__gte=just_now).exists():
            return Response({"detail": "You have just ordered."}, status=status.HTTP_200_OK)
        return self.place(request)


def naive() -> Counts:
    return click(NaiveOrderList)


def solved() -> Counts:
    return click(PaidOrderList)


def click(view: type[OrderList]) -> Counts:
    customer, _ = get_user_model().objects.get_or_create(username="customer")
    Product.objects.get_or_create(sku="SKU-000001", defaults={"name": "Mug", "price": "4.90", "stock": 1000})
    Order.objects.all().delete()
    answers = at_once(one_click, [(view, customer.pk)] * CLICKS)
    return {
        "requests": len(answers),
        "orders": Order.objects.count(),
        "distinct_bodies": len({body for _, body in answers}),
        "errors": sum(code >= 400 for code, _ in answers),
    }


def one_click(view: type[OrderList], customer_id: int) -> tuple[int, str]:
    body = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}
    request = APIRequestFactory().post("/api/v1/orders/", body, format="json", headers={"Idempotency-Key": "one-intention"})
    force_authenticate(request, get_user_model().objects.get(pk=customer_id))
    response = view.as_view()(request)
    return response.status_code, json.dumps(response.data, sort_keys=True, default=str)


experiment = Experiment(
    challenge="The customer double-clicked: two orders",
    solution="an Idempotency-Key, stored with the order and the response in one transaction",
    load=f"{CLICKS} POSTs at once from two processes, all with one Idempotency-Key; a payment takes {PAYMENT_SECONDS * 1000:.0f} ms",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["orders"] > 1,
    holds=lambda counts: counts["orders"] == 1 and counts["distinct_bodies"] == 1 and counts["errors"] == 0,
    proof=("orders", "distinct_bodies"),
    code="patterns/http/idempotency/decorator.py",
)
