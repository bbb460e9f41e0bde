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
    # never shown: whoever knows an order's id may see it
    email = serializers.EmailField(required=False, write_only=True, help_text="where the invoice goes")
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
    detail = serializers.CharField(allow_blank=True, help_text="a number, or what went wrong")


class OrderWithTimelineSerializer(OrderSerializer):
    timeline = StepSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = [*OrderSerializer.Meta.fields, "timeline"]


class StuckOrderSerializer(serializers.Serializer[StuckOrder]):
    order = serializers.UUIDField()
    since = serializers.DateTimeField()
    reason = serializers.CharField()


class LedgerSerializer(serializers.Serializer[Entries]):
    """outbox_published + accepted = fulfilled + stopped + stuck + in_flight. Null: the broker, which has the letters, is away."""

    orders = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text="of them, other services' paid ones")
    outbox_pending = serializers.IntegerField()
    outbox_published = serializers.IntegerField()
    fulfilled = serializers.IntegerField()
    stopped = serializers.IntegerField(help_text="out of stock")
    stuck = serializers.IntegerField(help_text="orders that a dead letter names, or that are open for too long")
    dead_lettered = serializers.IntegerField(allow_null=True, help_text="of them, those that wait for the replay of their dead letter")
    in_flight = serializers.IntegerField(allow_null=True)
    emails_due = serializers.IntegerField()
    emails_sent = serializers.IntegerField()
    emails_dead_lettered = serializers.IntegerField(allow_null=True)
    dead_letters = serializers.IntegerField(allow_null=True, help_text="all, also those that are not about an order of ours")
    orders_without_event = serializers.IntegerField(help_text="0, or the outbox does not work")
    pieces_missing = serializers.IntegerField(help_text="0, or stock was booked twice, or half")
    balanced = serializers.BooleanField(allow_null=True, help_text="nothing is on its way, stuck or missing")
    stuck_orders = StuckOrderSerializer(many=True, help_text="the oldest 100")


class DeadLetterSerializer(serializers.Serializer[dict[str, Any]]):
    queue = serializers.CharField(help_text="the queue that gave it up")
    message_id = serializers.CharField(help_text="the message's own; of one without an id, a digest of its content")
    reason = serializers.CharField(help_text="what the last try raised, or why the broker gave it up")
    retries = serializers.IntegerField()
    correlation_id = serializers.CharField(help_text="the id of the request that caused it")
    is_readable = serializers.BooleanField(help_text="false: its properties cannot be decoded, so that it can only be dropped")


class ReplayedSerializer(serializers.Serializer[dict[str, int]]):
    replayed = serializers.IntegerField()


class DroppedSerializer(serializers.Serializer[dict[str, int]]):
    dropped = serializers.IntegerField()
