"""Fields that accept one JSON type, as in the schema. DRF's own accept 5 for "5", "5" for 5, and true for 1."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from patterns.http.strict_json.drf import PlainDecimalField, PlainIntegerField


class Text(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


MONEY = {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$", "example": "4.90"}


@extend_schema_field(MONEY)
class Money(PlainDecimalField):
    pass


# for a ModelSerializer's serializer_field_mapping
STRICT = serializers.ModelSerializer.serializer_field_mapping | {
    models.CharField: Text,
    models.PositiveIntegerField: PlainIntegerField,
    models.DecimalField: Money,
}
