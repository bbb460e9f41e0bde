"""The doors: they parse, call a service, render."""

import re
import uuid
from collections.abc import Mapping

from django.db.models import Count
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fulfilment.models import Order, UnknownProduct
from fulfilment.serializers import AcceptedSerializer, LedgerSerializer, OrderSerializer, OrderWithTimelineSerializer
from fulfilment.services import place_order
from patterns.outbox.models import OutboxEvent

ORDERS = Order.objects.prefetch_related("lines__product")


class OrderList(generics.ListAPIView[Order]):
    """The latest orders."""

    serializer_class = OrderSerializer
    queryset = ORDERS[:20]

    @extend_schema(
        request=OrderSerializer,
        responses={202: AcceptedSerializer},
        parameters=[OpenApiParameter("X-Request-ID", str, OpenApiParameter.HEADER, description="Goes along with the order's events.")],
    )
    def post(self, request: Request) -> Response:
        """Takes an order. 202: it is safe; at its Location one sees what has been done about it."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        quantities = {line["product"]["sku"]: line["quantity"] for line in serializer.validated_data["lines"]}
        try:
            order = self.place(quantities, request_id(request))
        except UnknownProduct as error:
            raise ValidationError({"lines": [f"Not sold here: {error}"]}) from error
        location = reverse("order-detail", args=[order.pk])
        return Response(AcceptedSerializer(order).data, status.HTTP_202_ACCEPTED, headers={"Location": location})

    def place(self, quantities: Mapping[str, int], correlation_id: str) -> Order:
        return place_order(quantities=quantities, correlation_id=correlation_id)


class OrderDetail(generics.RetrieveAPIView[Order]):
    """An order and its timeline."""

    serializer_class = OrderWithTimelineSerializer
    queryset = ORDERS


class Ledger(APIView):
    @extend_schema(responses=LedgerSerializer)
    def get(self, request: Request) -> Response:
        """How far the orders and their events are. A healthy shop's pending events go back to 0."""
        orders = Order.objects.aggregate(orders=Count("pk"), fulfilled=Count("fulfilled_at"))
        events = OutboxEvent.objects.aggregate(events=Count("pk"), outbox_published=Count("published_at"))
        pending = events["events"] - events["outbox_published"]
        return Response(LedgerSerializer({**orders, **events, "outbox_pending": pending}).data)


def request_id(request: Request) -> str:
    """The caller's X-Request-ID when it is fit for a log, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else str(uuid.uuid4())
