"""The parsers and a field for Django REST Framework."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.parsers import JSONParser
from rest_framework.serializers import DecimalField, IntegerField

from . import MalformedJSON, is_utf8, loads, parse_decimal


class UnsupportedCharset(APIException):
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"
    default_detail = "JSON must be UTF-8. Send no charset, or charset=utf-8."


class MalformedBody(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "malformed_json"


class StrictJSONParser(JSONParser):
    check_text = True

    def parse(
        self, stream: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None
    ) -> Any:
        if not is_utf8(media_type or ""):
            raise UnsupportedCharset
        try:
            return loads(stream.read(), check_text=self.check_text)
        except MalformedJSON as error:
            raise MalformedBody(str(error)) from error


class RowsJSONParser(StrictJSONParser):
    """For bulk views, which report a row's NUL as that row's error: see `unstorable_text`."""

    check_text = False


class PlainDecimalField(DecimalField):
    """A decimal string, not a number: a client that parses JSON numbers as floats loses cents."""

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or len(data) > self.MAX_STRING_LENGTH:
            self.fail("invalid")
        try:
            return self.validate_precision(parse_decimal(data))
        except ValueError:
            self.fail("invalid")


class PlainIntegerField(IntegerField):
    """A JSON integer: DRF's own field takes "1_0", " 5", 5.0 and true as well."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:  # True is an int too
            self.fail("invalid")
        return super().to_internal_value(data)
