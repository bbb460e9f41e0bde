"""The HTTP API: each view parses, calls a service, renders."""

import logging
from collections.abc import Mapping

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fulfilment import ledger
from fulfilment.api.broker import BrokerDown, connected, dead_letters
from fulfilment.api.serializers import (
    AcceptedSerializer,
    DeadLetterSerializer,
    DroppedSerializer,
    LedgerSerializer,
    OrderSerializer,
    OrderWithTimelineSerializer,
    ReplayedSerializer,
)
from fulfilment.messaging import letters
from fulfilment.models import MixedCurrencies, Order, UnknownProduct
from fulfilment.services import place_order
from patterns.http.request_id import current

logger = logging.getLogger(__name__)

SHOWN_LETTERS = 200
ORDERS = Order.objects.prefetch_related("lines__product")


class OrderList(generics.ListAPIView[Order]):
    """The latest orders."""

    serializer_class = OrderSerializer
    queryset = ORDERS[:20]

    @extend_schema(
        request=OrderSerializer,
        responses={202: AcceptedSerializer},
        parameters=[OpenApiParameter("X-Request-ID", str, OpenApiParameter.HEADER, description="The request id, passed on to the events.")],
    )
    def post(self, request: Request) -> Response:
        """Accepts an order. 202: the order is saved. Its Location shows how far it is."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        quantities = {line["product"]["sku"]: line["quantity"] for line in serializer.validated_data["lines"]}
        try:
            order = self.place(quantities, current.get(), serializer.validated_data.get("email", ""))
        except UnknownProduct as error:
            raise ValidationError({"lines": [f"Unknown SKU: {error}"]}) from error
        except MixedCurrencies as error:
            raise ValidationError({"lines": [str(error)]}) from error
        logger.info("order %s: placed", order.pk)
        location = reverse("order-detail", args=[order.pk])
        return Response(AcceptedSerializer(order).data, status.HTTP_202_ACCEPTED, headers={"Location": location})

    def place(self, quantities: Mapping[str, int], correlation_id: str, email: str) -> Order:
        return place_order(quantities=quantities, correlation_id=correlation_id, email=email)


class OrderDetail(generics.RetrieveAPIView[Order]):
    """An order and its timeline."""

    serializer_class = OrderWithTimelineSerializer
    queryset = ORDERS.prefetch_related("steps", "events")


class Ledger(APIView):
    @extend_schema(responses=LedgerSerializer)
    def get(self, request: Request) -> Response:
        """The ledger: what came in, what became of it, and whether the two agree. A healthy service is balanced whenever it is idle."""
        try:
            snapshot = dead_letters()
        except BrokerDown:
            return Response(LedgerSerializer(ledger.read(None)).data)
        return Response(LedgerSerializer(ledger.read([letter for _, letter in snapshot.letters], total=snapshot.total)).data)


class DeadLetterList(APIView):
    @extend_schema(responses=DeadLetterSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The oldest dead letters and their reasons. 503 while the broker is unavailable."""
        found = [{"queue": queue, **vars(letter)} for queue, letter in letters.explained(dead_letters().letters[:SHOWN_LETTERS])]
        return Response([DeadLetterSerializer(each).data for each in found])


class DeadLetterReplay(APIView):
    @extend_schema(request=None, responses=ReplayedSerializer)
    def post(self, request: Request, message_id: str) -> Response:
        """Replays a dead letter: fix its reason first. 404: no dead letter has this id."""
        with connected() as connection:
            count = letters.replay(connection, message_id)
        if not count:
            raise NotFound
        return Response(ReplayedSerializer({"replayed": count}).data)


class DeadLetterDrop(APIView):
    @extend_schema(request=None, responses=DroppedSerializer)
    def post(self, request: Request, message_id: str) -> Response:
        """Deletes a dead letter permanently. 404: no dead letter has this id."""
        with connected() as connection:
            count = letters.drop(connection, message_id)
        if not count:
            raise NotFound
        return Response(DroppedSerializer({"dropped": count}).data)
