from rest_framework import serializers

from patterns.http.strict_json.drf import PlainIntegerField
from warehouse.models import Reservation, StockItem


class StockItemSerializer(serializers.ModelSerializer[StockItem]):
    class Meta:
        model = StockItem
        fields = ["sku", "name", "available"]


class ReservationSerializer(serializers.ModelSerializer[Reservation]):
    sku = serializers.SlugField(source="item_id", max_length=32)
    quantity = PlainIntegerField(min_value=1, max_value=1000)

    class Meta:
        model = Reservation
        fields = ["id", "sku", "quantity", "reserved_at"]
        read_only_fields = ["id", "reserved_at"]
