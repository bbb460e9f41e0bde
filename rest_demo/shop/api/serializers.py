"""The JSON of requests and responses."""

from typing import Any

from rest_framework import serializers

from patterns.http.strict_json.drf import PlainIntegerField
from shop.api.fields import STRICT, Text
from shop.models import Category, Order, OrderLine, Product

MOST_LINES = 100


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["slug", "name"]


class ProductSerializer(serializers.Serializer[Any]):
    """A row of `for_listing`. The fields are for the schema; a list of a hundred is not walked field by field."""

    sku = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField(source="category_slug", allow_null=True)
    price = serializers.DecimalField(max_digits=10, decimal_places=2)
    currency = serializers.CharField()
    rating = serializers.DecimalField(max_digits=2, decimal_places=1, allow_null=True, help_text="1 to 5; null if nobody has rated it")
    in_stock = serializers.BooleanField(source="stock")

    def to_representation(self, row: Any) -> dict[str, Any]:
        return {
            "sku": row.sku,
            "name": row.name,
            "category": row.category_slug,
            "price": str(row.price),
            "currency": row.currency,
            "rating": None if row.rating is None else f"{row.rating:.1f}",
            "in_stock": row.stock > 0,
        }


class ProductDetailSerializer(serializers.ModelSerializer[Product]):
    serializer_field_mapping = STRICT
    category = serializers.SlugRelatedField(slug_field="slug", queryset=Category.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Product
        fields = ["sku", "name", "category", "price", "currency", "stock"]
        read_only_fields = ["sku", "currency", "stock"]
        extra_kwargs = {"price": {"min_value": 0}}


class NewProductSerializer(serializers.ModelSerializer[Product]):
    serializer_field_mapping = STRICT
    sku = serializers.SlugField(max_length=32)  # the unique constraint decides if it is new; a query before would be a race
    category = serializers.SlugRelatedField(slug_field="slug", queryset=Category.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Product
        fields = ["sku", "name", "category", "price", "stock"]
        extra_kwargs = {"price": {"min_value": 0}}


class LoadedCategory(serializers.SlugRelatedField[Category]):
    """A category among those that the view has loaded for all rows."""

    def to_internal_value(self, data: Any) -> Category:
        if not isinstance(data, str):
            self.fail("invalid")
        if data not in self.context["categories"]:
            self.fail("does_not_exist", slug_name=self.slug_field, value=data)
        category: Category = self.context["categories"][data]
        return category


class ImportRowSerializer(NewProductSerializer):
    category = LoadedCategory(slug_field="slug", queryset=Category.objects.all(), allow_null=True, required=False)


class ImportSerializer(serializers.Serializer[Any]):
    products = serializers.ListField(
        min_length=1, max_length=1000, help_text="Objects with sku, name, price, and optionally category (its slug) and stock"
    )


class RowErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="A JSON Pointer into the request's body: #/products/7/price")
    code = serializers.CharField()
    detail = serializers.CharField()


class RowResultSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="The row's index in the request, from 0")
    saved = serializers.BooleanField()
    errors = RowErrorSerializer(many=True)  # type: ignore[assignment]


class ImportResultSerializer(serializers.Serializer[Any]):
    saved = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = RowResultSerializer(many=True)


class OrderLineSerializer(serializers.ModelSerializer[OrderLine]):
    sku = Text(source="product.sku", max_length=32)
    quantity = PlainIntegerField(min_value=1, max_value=1000)

    class Meta:
        model = OrderLine
        fields = ["sku", "quantity", "unit_price"]
        read_only_fields = ["unit_price"]


class OrderSerializer(serializers.ModelSerializer[Order]):
    lines = OrderLineSerializer(many=True, allow_empty=False, max_length=MOST_LINES)  # type: ignore[call-arg]
    total = serializers.DecimalField(max_digits=15, decimal_places=2, read_only=True)

    class Meta:
        model = Order
        fields = ["id", "status", "lines", "total", "currency", "placed_at", "paid_at", "cancelled_at"]
        read_only_fields = ["id", "status", "currency", "placed_at", "paid_at", "cancelled_at"]

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        skus = [line["product"]["sku"] for line in lines]
        if len(set(skus)) != len(skus):
            raise serializers.ValidationError("Each SKU may occur in one line only.")
        return lines
