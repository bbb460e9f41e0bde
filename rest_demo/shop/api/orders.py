"""Order endpoints. Other customers' orders are 404: a 403 would reveal that they exist."""

from typing import cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from patterns.http.idempotency.decorator import idempotent
from patterns.http.keyset import KeysetPagination
from shop.api.problems import problem
from shop.api.serializers import OrderSerializer
from shop.models import Order
from shop.services import MixedCurrencies, NotCancellable, OutOfStock, UnknownProduct, cancel_order, place_order

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": r"^[!#-+\--\[\]-~]{1,255}$"},
    OpenApiParameter.HEADER,
    required=True,
    description="A new key for each new order, the same key for each retry",
)


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "The request conflicts with the current state of the order."


class OrderList(generics.ListAPIView[Order]):
    serializer_class = OrderSerializer
    pagination_class = KeysetPagination
    orderings = ("-placed_at", "placed_at")

    def get_queryset(self) -> QuerySet[Order]:
        """The user's own orders, for staff too."""
        return Order.objects.filter(customer=self.request.user.pk).with_lines()

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY],
        examples=[OpenApiExample("Two mugs", {"lines": [{"sku": "SKU-000001", "quantity": 2}]}, request_only=True)],
        responses={
            201: OrderSerializer,
            **problem(409, "Not enough stock, several currencies, or a request with this key in progress"),
            **problem(422, "The key was already used with another body"),
        },
    )
    @idempotent(wait_seconds=5)
    def post(self, request: Request) -> Response:
        """Places an order. A retry with the same Idempotency-Key returns the stored response."""
        return self.place(request)

    def place(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        quantities = {line["product"]["sku"]: line["quantity"] for line in serializer.validated_data["lines"]}
        try:
            order = place_order(customer=cast(User, request.user), quantities=quantities)
        except UnknownProduct as error:
            raise ValidationError({"lines": [f"Unknown products: {error}."]}) from error
        except MixedCurrencies as error:
            raise Conflict(
                f"The products have prices in several currencies: {error}. Place one order per currency.", code="mixed_currencies"
            ) from error
        except OutOfStock as error:
            raise Conflict("Not enough stock for this order.", code="out_of_stock") from error
        headers = {"Location": reverse("order-detail", args=[order.pk])}
        return Response(self.get_serializer(order).data, status=status.HTTP_201_CREATED, headers=headers)


class OrderDetail(generics.RetrieveAPIView[Order]):
    serializer_class = OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.visible_to(self.request.user).with_lines()


class OrderCancellation(APIView):
    @extend_schema(request=None, responses={200: OrderSerializer, **problem(409, "The order is already paid")})
    def post(self, request: Request, pk: UUID) -> Response:
        """Cancels an unpaid order. A repeated call changes nothing."""
        order = get_object_or_404(Order.objects.changeable_by(request.user), pk=pk)
        try:
            order = cancel_order(order)
        except NotCancellable as error:
            raise Conflict("The order is already paid and cannot be cancelled.", code="not_cancellable") from error
        return Response(OrderSerializer(order).data)
