"""The doors: they parse, call a service, render."""

from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalogue.models import Product
from catalogue.serializers import ProductPageSerializer, ProductSerializer
from catalogue.services import product_page
from patterns.single_flight import StillLoading


class Busy(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "page_is_being_loaded"
    default_detail = "This page is being loaded, and that takes longer than usual. Try again in a moment."
    wait = 1  # seconds; DRF sends it as Retry-After


class ProductList(generics.ListAPIView[Product]):
    authentication_classes = ()
    permission_classes = [AllowAny]
    serializer_class = ProductSerializer
    queryset = Product.objects.all()[:100]


class ProductDetail(APIView):
    authentication_classes = ()  # one page for all: who asks must not matter, and must not cost a password hash
    permission_classes = [AllowAny]

    @extend_schema(responses=ProductPageSerializer)
    def get(self, request: Request, sku: str) -> Response:
        """A product with its category and related products. Cache-Status (RFC 9211) says where it came from."""
        try:
            page = product_page(sku=sku)
        except Product.DoesNotExist as error:
            raise NotFound(f"There is no product {sku}.") from error
        except StillLoading as error:
            raise Busy from error
        return Response(page.content, headers={"Cache-Status": page.cache_status})
