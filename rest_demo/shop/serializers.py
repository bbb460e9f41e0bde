from typing import Any

from rest_framework import serializers

from shop.models import Order, OrderLine, Product


class ProductSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["sku", "name", "price", "currency"]


class ProductDetailSerializer(ProductSerializer):
    class Meta(ProductSerializer.Meta):
        read_only_fields = ["sku", "currency"]
        extra_kwargs = {"price": {"min_value": 0}}


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    sku = serializers.CharField(source="product.sku", max_length=32)
    quantity = serializers.IntegerField(min_value=1, max_value=1000)

    class Meta:
        model = OrderLine
        fields = ["sku", "quantity", "unit_price"]
        read_only_fields = ["unit_price"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, allow_empty=False)
    total = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "lines", "total", "currency", "placed_at"]
        read_only_fields = ["id", "currency", "placed_at"]

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        skus = [line["product"]["sku"] for line in lines]
        if len(set(skus)) != len(skus):
            raise serializers.ValidationError("Each SKU may stand in one line only.")
        return lines
