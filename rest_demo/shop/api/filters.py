"""What `?search=` and its siblings mean. A value that is none of theirs is a 400, not ignored."""

from decimal import Decimal

from django import forms
from django.db.models import Q
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from shop.models import Product, ProductQuerySet

MOST = Decimal("99999999.99")
TEXT = {"type": "string", "minLength": 1}
PRICE = {"type": "number", "minimum": 0, "maximum": float(MOST)}


class ProductFilter(filters.FilterSet):
    search = extend_schema_field({**TEXT, "maxLength": 100})(
        filters.CharFilter(method="filter_search", max_length=100, label="Part of the name or of the SKU")
    )
    category = extend_schema_field({**TEXT, "maxLength": 50})(
        filters.CharFilter(field_name="category__slug", max_length=50, label="A category's slug")
    )
    min_price = extend_schema_field(PRICE)(filters.NumberFilter(field_name="price", lookup_expr="gte", min_value=0, max_value=MOST))
    max_price = extend_schema_field(PRICE)(filters.NumberFilter(field_name="price", lookup_expr="lte", min_value=0, max_value=MOST))
    in_stock = extend_schema_field(OpenApiTypes.BOOL)(
        filters.TypedChoiceFilter(
            method="filter_in_stock", choices=[("true", "true"), ("false", "false")], coerce=lambda value: value == "true"
        )
    )

    class Meta:
        model = Product
        fields: list[str] = []
        form = forms.Form

    def filter_search(self, products: ProductQuerySet, name: str, words: str) -> ProductQuerySet:
        return products.filter(Q(name__icontains=words) | Q(sku__icontains=words))

    def filter_in_stock(self, products: ProductQuerySet, name: str, wanted: bool) -> ProductQuerySet:
        return products.filter(stock__gt=0) if wanted else products.filter(stock=0)
