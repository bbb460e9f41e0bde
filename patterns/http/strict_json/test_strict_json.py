import json
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import MAX_DEPTH, MalformedJSON, loads, parse_decimal, unstorable_text
from .drf import PlainDecimalField, PlainIntegerField, RowsJSONParser, StrictJSONParser


class Echo(APIView):
    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    parser_classes: list[type] = [StrictJSONParser]

    def post(self, request: Request) -> Response:
        return Response({"type": type(request.data).__name__})


class Rows(Echo):
    parser_classes = [RowsJSONParser]

    def post(self, request: Request) -> Response:
        return Response([unstorable_text(row) for row in request.data])


def post(body: bytes, content_type: str = "application/json", view: Any = Echo) -> Response:
    return view.as_view()(APIRequestFactory().post("/", body, content_type=content_type))


def test_json_is_parsed_as_python_parses_it() -> None:
    value = {"a": [1, -2.5, True, None, "é", "😀"], "b": {"c": 10**21 + 1}}

    assert loads(json.dumps(value).encode()) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


SYNTAX = [b"", b"{lines: []}", b"[1,]", b"\xff", '"é"'.encode("utf-16"), b"\xef\xbb\xbf{}", b"\x00"]
NUMBERS = [b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000]
TEXTS = [
    b'"\\u0000"',
    b'["\\ud800"]',
    b'{"a": {"b": "\\udc00\\ud800"}}',
    b'"\x00"',
    b'{"a\\u0000": 1}',
]
DEEP = [b"[" * 50_000, b'{"a":' * 50_000, b"[" * 50_000 + b"]" * 50_000]


@pytest.mark.parametrize(
    "body",
    [*SYNTAX, *NUMBERS, *TEXTS, *DEEP, b'{"a": 1, "a": 2}'],
    ids=lambda body: repr(body[:12]),
)
def test_malformed_json_is_400(body: bytes) -> None:
    with pytest.raises(MalformedJSON):
        loads(body)
    if body:  # DRF parses no empty body
        answer = post(body)
        assert (answer.status_code, answer.data["detail"].code) == (400, "malformed_json")


def test_nesting_is_refused_below_the_limit_of_python() -> None:
    loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)

    with pytest.raises(MalformedJSON, match="nested"):
        loads(b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2))


@pytest.mark.parametrize("charset", ["zlib", "punycode", "utf-16", "latin-1", "no-such", "'utf-8'"])
def test_another_charset_is_415_before_the_body_is_decoded(charset: str) -> None:
    answer = post(b"\xff not JSON", f"application/json; charset={charset}")

    assert (answer.status_code, answer.data["detail"].code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
def test_utf8_may_be_named(charset: str) -> None:
    assert post(b"[]", f"application/json; charset={charset}").status_code == 200


def test_the_rows_parser_leaves_bad_text_to_the_rows() -> None:
    answer = post(b'[{"name": "a\\u0000"}, {"name": "a"}, {"\\ud800": 1}]', view=Rows)

    assert answer.data == [True, False, True]


@pytest.mark.parametrize(
    "text", ["0", "10", "-1", "4.90", "-0.5", "0.00", "12345678901234567890.1"]
)
def test_plain_decimals_are_read(text: str) -> None:
    assert parse_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1_0",
        "-0",
        "-0.00",
        "+1",
        " 1",
        "1 ",
        "1e5",
        "1e-16384",
        ".5",
        "5.",
        "007",
        "٣",
        "NaN",
        "1\n",
    ],
)
def test_other_spellings_of_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        parse_decimal(text)
    with pytest.raises(ValidationError):
        PlainDecimalField(max_digits=10, decimal_places=2).run_validation(text)


@pytest.mark.parametrize("value", [5, 4.9, True, None, [], "9" * 5000, "1.234", "123456789.00"])
def test_a_decimal_field_takes_strings_of_its_precision_only(value: Any) -> None:
    field = PlainDecimalField(max_digits=10, decimal_places=2)

    assert field.run_validation("4.90") == Decimal("4.90")
    with pytest.raises(ValidationError):
        field.run_validation(value)


@pytest.mark.parametrize("value", ["5", "1_0", 5.0, True, None, [], "٣"])
def test_an_integer_field_takes_json_integers_only(value: Any) -> None:
    assert PlainIntegerField(min_value=1).run_validation(5) == 5
    with pytest.raises(ValidationError):
        PlainIntegerField(min_value=1).run_validation(value)
