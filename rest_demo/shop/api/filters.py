"""The filters of the product list. An invalid value is a 400, not ignored."""

from typing import Any

from django import forms
from django.db.models import Q
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from patterns.http.strict_json import DECIMAL
from shop.api.fields import MONEY
from shop.models import Category, Product, ProductQuerySet

TEXT = {"type": "string", "minLength": 1}


class PriceField(forms.DecimalField):
    """Plain decimals, as in the schema. Django's own field accepts 1e-16384, which PostgreSQL rejects."""

    def to_python(self, value: Any) -> Any:
        if value and not DECIMAL.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class PriceFilter(filters.NumberFilter):
    field_class = PriceField


class ProductFilter(filters.FilterSet):
    search = extend_schema_field({**TEXT, "maxLength": 100})(
        filters.CharFilter(method="filter_search", max_length=100, label="Part of the name or SKU")
    )
    category = extend_schema_field({**TEXT, "maxLength": 50})(
        filters.CharFilter(method="filter_category", max_length=50, label="A category's slug")
    )
    min_price = extend_schema_field(MONEY)(PriceFilter(field_name="price", lookup_expr="gte", min_value=0, max_digits=10, decimal_places=2))
    max_price = extend_schema_field(MONEY)(PriceFilter(field_name="price", lookup_expr="lte", min_value=0, max_digits=10, decimal_places=2))
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

    def filter_category(self, products: ProductQuerySet, name: str, slug: str) -> ProductQuerySet:
        # The key first, in a query of its own: with a join or a subquery PostgreSQL does not know that a category is
        # rare, and reads all products in the list's order until it has found enough of them.
        category = Category.objects.filter(slug=slug).first()
        return products.filter(category=category) if category else products.none()

    def filter_in_stock(self, products: ProductQuerySet, name: str, wanted: bool) -> ProductQuerySet:
        return products.filter(stock__gt=0) if wanted else products.filter(stock=0)
