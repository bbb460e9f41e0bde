"""The endpoints: each parses its request, calls a service and renders the result."""

from typing import Any

from django.http import HttpResponseBase, JsonResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue import pages, services, store
from catalogue.models import Product
from catalogue.serializers import (
    ListQuerySerializer,
    PriceSerializer,
    ProductListSerializer,
    ProductPageSerializer,
    ProductSerializer,
    TrendingSerializer,
)
from patterns.caching.generations import NotInvalidated
from patterns.caching.single_flight import StillLoading
from patterns.http.access_token.drf import BearerAuthentication
from patterns.http.http_caching import revalidated, unchanged


class Busy(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "page_is_being_loaded"
    default_detail = "This page is still being loaded. Try again in a moment."
    wait = 1  # seconds; DRF sends it as Retry-After


class CacheRefuses(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "cache_refuses_writes"
    default_detail = "The cache cannot drop the old price at the moment, so the price was not changed. Try again in a moment."
    wait = 1  # seconds


class Catalogue(APIView):
    """The same page for everybody. Credentials are ignored: checking them costs a signature check."""

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Product.DoesNotExist):
            exc = NotFound(f"Product {self.kwargs.get('sku', '')} does not exist.")
        if isinstance(exc, StillLoading):
            exc = Busy()
        if isinstance(exc, NotInvalidated):
            exc = CacheRefuses()
        return super().handle_exception(exc)


def shown(page: pages.Page) -> JsonResponse:
    """A public page. Other caches may store it and must revalidate it: a price may change at any moment."""
    headers = {"Cache-Status": page.cache_status, "Age": str(page.age_seconds), "Cache-Control": "public, no-cache"}
    response = JsonResponse(page.content, headers=headers)  # DRF's Response would cost a tenth of the hits per second
    response.is_same_for_all = True  # type: ignore[attr-defined]
    return response


class ProductList(Catalogue):
    @extend_schema(operation_id="products_list", parameters=[ListQuerySerializer], responses=ProductListSerializer)
    def get(self, request: Request) -> JsonResponse:
        """The products, 24 per page. Cache-Status (RFC 9211) says where the page came from, Age how old it is."""
        query = ListQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        return shown(pages.product_list(**query.validated_data))


class ProductDetail(Catalogue):
    authentication_classes = (BearerAuthentication,)

    def get_authenticators(self) -> Any:
        return [] if self.request is not None and self.request.method in ("GET", "HEAD") else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdminUser() if self.request.method == "PATCH" else AllowAny()]

    @extend_schema(responses=ProductPageSerializer)
    def get(self, request: Request, sku: str) -> JsonResponse:
        """A product with its category and related products. Cache-Status (RFC 9211) says where it came from."""
        return shown(pages.product_page(sku=sku))

    @extend_schema(request=PriceSerializer, responses=ProductSerializer)
    def patch(self, request: Request, sku: str) -> Response:
        """Changes the price. Staff only. After the response, no page shows the old price."""
        price = PriceSerializer(data=request.data)
        price.is_valid(raise_exception=True)
        return Response(ProductSerializer(services.change_price(sku=sku, **price.validated_data)).data)


class ProductViews(Catalogue):
    authentication_classes = (BearerAuthentication,)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, sku: str) -> Response:
        """Counts a view, and stores it for a logged-in user. Not idempotent: do not retry it after a time-out."""
        pages.product_page(sku=sku)  # 404 for an unknown product; usually a hit
        services.record_view(sku=sku, user=request.user.username if request.user.is_authenticated else None)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Trending(Catalogue):
    @extend_schema(responses=TrendingSerializer)
    def get(self, request: Request) -> JsonResponse:
        """The most viewed products. A view loses half of its weight after six hours."""
        return shown(pages.trending_page())


class Recent(Catalogue):
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=ProductSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The products that you viewed, most recent first. Private: `private, no-store`."""
        found, cache_status = services.recent_products(user=request.user.username)
        return Response(found, headers={"Cache-Status": cache_status})


class Export(Catalogue):
    @extend_schema(parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)], responses=ProductSerializer(many=True))
    def get(self, request: Request) -> HttpResponseBase:
        """Every product. Its ETag is the catalogue's generation: a 304 costs no query and no body."""
        etag = store.generation().current()  # before the load: an ETag may be older than its body, never newer
        if (answer := unchanged(request._request, etag)) is not None:
            answer.headers["Cache-Status"] = "catalogue; hit; detail=unchanged"
            return answer
        response = Response(ProductSerializer(Product.objects.all(), many=True).data, headers={"Cache-Status": "catalogue; fwd=request"})
        revalidated(response, etag)
        return response
