"""The doors: they parse, call a service, render."""

from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from patterns.idempotency.decorator import idempotent
from patterns.keyset import KeysetPagination
from shop.models import Order, Product
from shop.serializers import OrderSerializer, ProductSerializer
from shop.services import UnknownProduct, place_order


class ProductList(generics.ListAPIView[Product]):
    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.all()
    pagination_class = KeysetPagination
    orderings = ("sku", "price", "-price")  # an index for each: sku is unique, product_by_price is read both ways


class OrderList(generics.ListAPIView[Order]):
    serializer_class = OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        return Order.objects.filter(customer=self.request.user.pk).prefetch_related("lines__product")[:100]

    @extend_schema(parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)])
    @idempotent(wait_seconds=5)
    def post(self, request: Request) -> Response:
        """Places an order. A repeated Idempotency-Key is answered with the first answer."""
        return self.place(request)

    def place(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        quantities = {line["product"]["sku"]: line["quantity"] for line in serializer.validated_data["lines"]}
        try:
            order = place_order(customer=cast(User, request.user), quantities=quantities)
        except UnknownProduct as error:
            raise ValidationError({"lines": [f"Not sold here: {error}"]}) from error
        return Response(self.get_serializer(order).data, status=status.HTTP_201_CREATED)
