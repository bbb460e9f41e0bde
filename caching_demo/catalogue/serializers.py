from rest_framework import serializers

from catalogue.models import Category, Product


class ProductSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["sku", "name", "price", "currency"]


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["slug", "name"]


class ProductPageSerializer(serializers.ModelSerializer[Product]):
    category = CategorySerializer()
    related = ProductSerializer(many=True)

    class Meta:
        model = Product
        fields = ["sku", "name", "price", "currency", "description", "category", "related"]


class ProductListSerializer(serializers.Serializer[dict[str, object]]):
    page = serializers.IntegerField()
    has_next = serializers.BooleanField()
    products = ProductSerializer(many=True)


class TrendingSerializer(serializers.Serializer[dict[str, object]]):
    products = ProductSerializer(many=True)


class ListQuerySerializer(serializers.Serializer[dict[str, object]]):
    category = serializers.SlugField(max_length=50, required=False)
    # a page's number is part of a key and an OFFSET: both grow with it
    page = serializers.IntegerField(min_value=1, max_value=1000, required=False)


class PriceSerializer(serializers.Serializer[dict[str, object]]):
    price = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0)
