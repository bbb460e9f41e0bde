"""The doors: they parse, call a service, render."""

from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, AllowAny, BasePermission, IsAdminUser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from patterns.conditional import answer_read, locked_if_match, tagged
from patterns.idempotency.decorator import idempotent
from patterns.keyset import KeysetPagination
from shop.models import Order, Product
from shop.serializers import OrderSerializer, ProductDetailSerializer, ProductSerializer
from shop.services import UnknownProduct, place_order


class ProductList(generics.ListAPIView[Product]):
    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.all()
    pagination_class = KeysetPagination
    orderings = ("sku", "price", "-price")  # an index for each: sku is unique, product_by_price is read both ways


class ProductDetail(generics.GenericAPIView[Product]):
    serializer_class = ProductDetailSerializer
    queryset = Product.objects.all()
    lookup_field = "sku"
    renderer_classes = [JSONRenderer]  # one representation, so that one strong ETag is true of it

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method in SAFE_METHODS else IsAdminUser()]

    @extend_schema(
        parameters=[
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="An ETag you have: 304 if it is still current."),
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 304]),
        ],
        responses={200: ProductDetailSerializer, 304: OpenApiResponse(description="Not changed")},
    )
    def get(self, request: Request, sku: str) -> Response:
        return answer_read(request, self.represent(self.get_object()))

    @extend_schema(
        parameters=[
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag of what you have read."),
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200]),
        ],
        responses={
            200: ProductDetailSerializer,
            412: OpenApiResponse(description="It has changed since"),
            428: OpenApiResponse(description="No If-Match"),
        },
    )
    def patch(self, request: Request, sku: str) -> Response:
        """Changes name or price, for staff, unless somebody else has changed the product since it was read."""
        changes = request.data  # read before the lock is taken: a slow client would hold it
        with locked_if_match(request, Product.objects.filter(sku=sku), state=self.represent) as product:
            serializer = self.get_serializer(product, data=changes, partial=True)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
        return tagged(serializer.data)

    def perform_update(self, serializer: BaseSerializer[Product]) -> None:
        serializer.save()

    def represent(self, product: Product) -> object:
        return self.get_serializer(product).data


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
