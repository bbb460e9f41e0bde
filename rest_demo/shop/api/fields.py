"""Fields that take one JSON type, as the schema says. DRF's own take 5 for "5", "5" for 5, and true for 1."""

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class Text(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:  # True is an int, too
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,2})?$", "example": "4.90"})
class Money(serializers.DecimalField):
    """A decimal string, not a number: what parses JSON into floats loses cents."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


# for a ModelSerializer's serializer_field_mapping
STRICT = serializers.ModelSerializer.serializer_field_mapping | {
    models.CharField: Text,
    models.PositiveIntegerField: Whole,
    models.DecimalField: Money,
}
