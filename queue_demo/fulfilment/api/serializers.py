from typing import Any

from rest_framework import serializers

from fulfilment import order_lines
from fulfilment.ledger import Entries, StuckOrder
from fulfilment.models import Order, OrderLine
from patterns.http.strict_json.drf import PlainIntegerField

STATUSES = ["placed", "fulfilled", "stopped"]


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    sku = serializers.CharField(source="product.sku", max_length=order_lines.MAX_SKU_CHARACTERS, trim_whitespace=False)
    quantity = PlainIntegerField(min_value=1, max_value=order_lines.MAX_PIECES)

    class Meta:
        model = OrderLine
        fields = ["sku", "quantity", "unit_price"]
        read_only_fields = ["unit_price"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, allow_empty=False, max_length=order_lines.MAX_LINES)  # type: ignore[call-arg]  # the list takes it
    status = serializers.ChoiceField(STATUSES, read_only=True)
    # never returned: anybody with an order's id may read the order
    email = serializers.EmailField(required=False, write_only=True, help_text="The recipient of the invoice.")
    total = serializers.DecimalField(max_digits=16, decimal_places=2, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "status", "email", "lines", "total", "currency", "placed_at", "fulfilled_at", "request_id"]
        read_only_fields = ["id", "currency", "placed_at", "fulfilled_at", "request_id"]

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            order_lines.quantities([{"sku": line["product"]["sku"], "quantity": line["quantity"]} for line in lines])
        except order_lines.InvalidLines as error:
            raise serializers.ValidationError(str(error)) from error
        return lines


class AcceptedSerializer(serializers.ModelSerializer[Order]):
    status = serializers.ChoiceField(STATUSES, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "status"]


class StepSerializer(serializers.Serializer[dict[str, Any]]):
    step = serializers.CharField()
    at = serializers.DateTimeField()
    detail = serializers.CharField(allow_blank=True, help_text="The number of the document, or the error.")


class OrderWithTimelineSerializer(OrderSerializer):
    timeline = StepSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "timeline"]


class StuckOrderSerializer(serializers.Serializer[StuckOrder]):
    order = serializers.UUIDField()
    since = serializers.DateTimeField()
    reason = serializers.CharField()


class LedgerSerializer(serializers.Serializer[Entries]):
    """outbox_published + accepted = fulfilled + stopped + stuck + in_flight.

    A value that depends on the dead letters is null while the broker is unavailable.
    """

    orders = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text="Orders of other services, accepted when they were paid.")
    outbox_pending = serializers.IntegerField()
    outbox_published = serializers.IntegerField()
    fulfilled = serializers.IntegerField()
    stopped = serializers.IntegerField(help_text="Orders that were out of stock.")
    stuck = serializers.IntegerField(help_text="Orders with a dead letter, or open for too long.")
    dead_lettered = serializers.IntegerField(allow_null=True, help_text="Stuck orders whose dead letter waits for a replay.")
    in_flight = serializers.IntegerField(allow_null=True)
    emails_due = serializers.IntegerField()
    emails_sent = serializers.IntegerField()
    emails_dead_lettered = serializers.IntegerField(allow_null=True)
    dead_letters = serializers.IntegerField(allow_null=True, help_text="All dead letters, including those that belong to no order.")
    orders_without_event = serializers.IntegerField(help_text="Always 0, unless the outbox lost an event.")
    pieces_missing = serializers.IntegerField(help_text="Always 0, unless stock was booked twice or in part.")
    balanced = serializers.BooleanField(allow_null=True, help_text="True if nothing is in flight, stuck or missing.")
    stuck_orders = StuckOrderSerializer(many=True, help_text="The oldest 100.")


class DeadLetterSerializer(serializers.Serializer[dict[str, Any]]):
    queue = serializers.CharField(help_text="The queue that dead-lettered the message.")
    message_id = serializers.CharField(help_text="The id of the message, or a digest of its content if it has none.")
    reason = serializers.CharField(help_text="The error of the last try, or the reason of the broker.")
    retries = serializers.IntegerField()
    correlation_id = serializers.CharField(help_text="The id of the request that caused the message.")
    is_readable = serializers.BooleanField(help_text="False if the properties cannot be decoded. Such a message can only be dropped.")


class ReplayedSerializer(serializers.Serializer[dict[str, int]]):
    replayed = serializers.IntegerField()


class DroppedSerializer(serializers.Serializer[dict[str, int]]):
    dropped = serializers.IntegerField()
