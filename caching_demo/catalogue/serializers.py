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
