"""Catalogue endpoints: they parse, call a service, render."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS, AllowAny, BasePermission, IsAdminUser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from patterns.http.conditional import answer_read, locked_if_match, tagged
from patterns.http.keyset import KeysetPagination
from shop.api.filters import ProductFilter
from shop.api.problems import problem
from shop.api.serializers import CategorySerializer, ProductDetailSerializer, ProductSerializer
from shop.models import Category, Product
from shop.services import update_product

ETAG = {"type": "string", "pattern": r'^(\*|"[!#-~]*")$'}


IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of your copy: 304 if it is current")


class CategoryList(generics.ListAPIView[Category]):
    permission_classes = [AllowAny]
    serializer_class = CategorySerializer
    queryset = Category.objects.all()
    pagination_class = KeysetPagination
    orderings = ("slug",)


class ProductList(generics.ListAPIView[Product]):
    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.for_listing()
    filterset_class = ProductFilter
    pagination_class = KeysetPagination
    orderings = ("sku", "price", "-price")  # an index for each: sku is unique, product_by_price is read both ways

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        # most requests filter nothing, and an empty form took a fifth of their time
        is_filtered = ProductFilter.base_filters.keys() & self.request.query_params.keys()
        if empty := sorted(name for name in is_filtered if not self.request.query_params[name]):
            raise ValidationError({name: ["This filter has no value. Remove it."] for name in empty})
        return super().filter_queryset(queryset) if is_filtered else queryset


class ProductDetail(generics.GenericAPIView[Product]):
    serializer_class = ProductDetailSerializer
    queryset = Product.objects.select_related("category")
    lookup_field = "sku"
    renderer_classes = [JSONRenderer]  # one representation, so one strong ETag identifies it

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method in SAFE_METHODS else IsAdminUser()]

    @extend_schema(
        parameters=[
            IF_NONE_MATCH,
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 304]),
        ],
        responses={
            200: ProductDetailSerializer,
            **problem(412, "The If-Match header has another ETag"),
            304: OpenApiResponse(description="Not changed"),
        },
    )
    def get(self, request: Request, sku: str) -> Response:
        product = self.get_object()
        return answer_read(request, self.get_serializer(product).data, version=self.editable(product))

    @extend_schema(
        parameters=[
            OpenApiParameter("If-Match", ETAG, OpenApiParameter.HEADER, required=True, description="The ETag that you read"),
            OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200]),
        ],
        responses={
            200: ProductDetailSerializer,
            **problem(412, "The product has changed since you read it"),
            **problem(428, "The If-Match header is missing"),
        },
    )
    def patch(self, request: Request, sku: str) -> Response:
        """Changes name, category or price (staff only). Fails if somebody else changed the product since it was read."""
        changes = request.data  # read before the lock is taken: a slow client would hold it
        with locked_if_match(request, Product.objects.filter(sku=sku), state=self.editable) as product:
            serializer = self.get_serializer(product, data=changes, partial=True)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
        return tagged(serializer.data, version=self.editable(product))

    def perform_update(self, serializer: BaseSerializer[Product]) -> None:
        assert serializer.instance is not None  # noqa: S101 — for the type checker
        update_product(serializer.instance, changes=serializer.validated_data)

    def editable(self, product: Product) -> object:
        """What If-Match protects. Not the stock: a product that sells could not be edited."""
        shown = self.get_serializer(product).data
        return [shown[name] for name in ("name", "category", "price")]
