"""Payment endpoints: for the customer, and the webhook for the provider. Other customers' orders are 404."""

import time
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from patterns.http.keyset import KeysetPagination
from patterns.http.signed_webhook.receiving import verified_event_id
from shop.api.fields import Money, Text
from shop.api.orders import Conflict
from shop.api.problems import problem
from shop.models import Order, Payment
from shop.payments import FAILED, SUCCEEDED, NotPayable, PaymentEvent, settle_payment, start_payment
from shop.provider import ProviderAway, ProviderRefused

RETRY_AFTER_SECONDS = 5
TOLERANCE_SECONDS = 300  # the clocks may differ, and a call takes time; event ids are kept longer than this
MAX_EVENT_BYTES = 20_480  # the specification's advice to senders


class PaymentsUnavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "payments_unavailable"
    default_detail = "The payment provider does not respond. Retry later: the same payment continues."
    wait = RETRY_AFTER_SECONDS  # DRF's name for Retry-After


class PaymentsNotConfigured(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "payments_not_configured"
    default_detail = "Payments are not configured: PAYMENT_PROVIDER_URL is not set."


class PaymentRefused(APIException):
    status_code = status.HTTP_502_BAD_GATEWAY
    default_code = "payment_refused"
    default_detail = "The payment provider rejected this payment."


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    class Meta:
        model = Payment
        fields = ["id", "status", "amount", "currency", "created_at", "settled_at"]
        read_only_fields = fields


class EventSerializer(serializers.Serializer[object]):
    type = Text(max_length=100)
    data = serializers.DictField()  # type: ignore[assignment]  # the serializer's own `data` stays: DRF takes fields out of the class


class EventDataSerializer(serializers.Serializer[object]):
    reference = serializers.UUIDField(format="hex_verbose")
    amount = Money(max_digits=15, decimal_places=2)
    currency = Text(max_length=3)


class OrderPayments(generics.ListAPIView[Payment]):
    serializer_class = PaymentSerializer
    pagination_class = KeysetPagination
    orderings = ("-created_at", "created_at")
    queryset = Payment.objects.all()

    def get_queryset(self) -> QuerySet[Payment]:
        order = get_object_or_404(Order.objects.visible_to(self.request.user), pk=self.kwargs["pk"])
        return Payment.objects.filter(order=order)

    @extend_schema(
        request=None,
        responses={
            200: PaymentSerializer,
            201: PaymentSerializer,
            **problem(409, "The order cannot be paid"),
            **problem(502, "The payment provider rejected the payment"),
            **problem(503, "The payment provider does not respond"),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Starts a payment of the order's total. While one is open, a retry continues it (200): no Idempotency-Key is needed."""
        order = get_object_or_404(Order.objects.changeable_by(request.user), pk=pk)
        if not settings.PAYMENT_PROVIDER_URL:
            raise PaymentsNotConfigured
        try:
            payment, is_new = start_payment(order)
        except NotPayable as error:
            raise Conflict("The order is already paid or cancelled, or its total is zero.", code="not_payable") from error
        except ProviderAway as error:
            raise PaymentsUnavailable from error
        except ProviderRefused as error:
            raise PaymentRefused from error
        body = self.get_serializer(payment).data
        if not is_new:
            return Response(body)
        headers = {"Location": reverse("order-payment", args=[order.pk, payment.pk])}
        return Response(body, status=status.HTTP_201_CREATED, headers=headers)


class OrderPayment(generics.RetrieveAPIView[Payment]):
    serializer_class = PaymentSerializer
    lookup_url_kwarg = "payment_id"
    queryset = Payment.objects.all()

    def get_queryset(self) -> QuerySet[Payment]:
        return Payment.objects.filter(order__in=Order.objects.visible_to(self.request.user).filter(pk=self.kwargs["pk"]))


class PaymentWebhook(APIView):
    """For the payment provider. An unsigned call gets 401, a malformed event 400, all else 200: a retry would change nothing."""

    authentication_classes = []  # the signature is the authentication
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]

    @extend_schema(
        auth=[],
        parameters=[
            OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True)
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
        request=EventSerializer,
        responses={
            200: inline_serializer("Outcome", {"outcome": serializers.CharField()}),
            **problem(401, "The signature is missing, expired or wrong"),
        },
    )
    def post(self, request: Request) -> Response:
        """Receives a signed event (Standard Webhooks): payment.succeeded or payment.failed. A duplicate changes nothing."""
        event_id = verified_event_id(
            request, now=time.time(), secrets=self.secrets(), tolerance_seconds=TOLERANCE_SECONDS, max_bytes=MAX_EVENT_BYTES
        )
        event = EventSerializer(data=request.data)
        event.is_valid(raise_exception=True)
        if event.validated_data["type"] not in (SUCCEEDED, FAILED):
            return Response({"outcome": "ignored"})  # an event type that we do not use
        data = EventDataSerializer(data=event.validated_data["data"])
        data.is_valid(raise_exception=True)
        outcome, _ = settle_payment(PaymentEvent(event.validated_data["type"], **data.validated_data), event_id=event_id)
        return Response({"outcome": outcome})

    def secrets(self) -> list[str]:
        return list(settings.WEBHOOK_SECRETS)
