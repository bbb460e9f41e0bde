"""The endpoints: they parse the request, call a service and render the result."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from warehouse.models import Reservation, StockItem
from warehouse.serializers import ReservationSerializer, StockItemSerializer
from warehouse.services import NotEnoughLeft, UnknownSku, reserve


class SoldOut(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "not_enough_left"


class StockList(generics.ListAPIView[StockItem]):
    permission_classes = [AllowAny]
    serializer_class = StockItemSerializer
    queryset = StockItem.objects.all()[:100]


class StockDetail(generics.RetrieveAPIView[StockItem]):
    permission_classes = [AllowAny]
    serializer_class = StockItemSerializer
    queryset = StockItem.objects.all()
    lookup_field = "sku"


class ReservationList(generics.CreateAPIView[Reservation]):
    serializer_class = ReservationSerializer

    @extend_schema(responses={201: ReservationSerializer, 409: OpenApiResponse(description="Not enough stock. Nothing was reserved.")})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reserves all the requested pieces, or none."""
        return super().post(request, *args, **kwargs)

    def perform_create(self, serializer: BaseSerializer[Reservation]) -> None:
        wanted = serializer.validated_data
        try:
            serializer.instance = reserve(sku=wanted["item_id"], quantity=wanted["quantity"])
        except UnknownSku as error:
            raise ValidationError({"sku": [f"This warehouse does not stock {error}."]}) from error
        except NotEnoughLeft as error:
            raise SoldOut(f"Not enough stock for {error}.") from error

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": reverse("reservation-detail", args=[data["id"]])}


class ReservationDetail(generics.RetrieveAPIView[Reservation]):
    """Any logged-in user who knows the id can read it: a reservation names no customer."""

    serializer_class = ReservationSerializer
    queryset = Reservation.objects.all()
