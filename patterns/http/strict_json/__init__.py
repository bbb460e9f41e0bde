"""Strict JSON: a request body that every parser and the database read alike.

Problem
    DRF's parser answers 500 to `[[[[…`, decodes whatever `charset=` names, and passes
    on NUL, which PostgreSQL refuses.

Guarantee
    - A charset other than UTF-8 gets 415 before the body is decoded.
    - Nesting beyond 64, NaN, 1e999, duplicate names, NUL, lone surrogates and malformed
      JSON get 400.
    - RowsJSONParser leaves NUL and surrogates to its view, which reports them per row.
    - PlainDecimalField takes "4.90", never "1_0", "-0", " 1" or "1e5".
    - PlainIntegerField takes only JSON integers.

Not guaranteed
    A small body: see body_limit.

Cost
    One walk over the values, about as long as parsing.

Use instead
    msgspec or pydantic, which also check the schema. (Checked 2026-11.)

Source: RFC 8259, sections 4, 8.1 and 9.

Use
    # settings.py
    # or add the line to your REST_FRAMEWORK
    REST_FRAMEWORK = {
        "DEFAULT_PARSER_CLASSES": ["patterns.http.strict_json.drf.StrictJSONParser"],
    }

    # your code
    from patterns.http.strict_json import loads  # for a view without DRF

    assert loads(b'{"sku": "SKU-000001"}') == {"sku": "SKU-000001"}
"""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.utils.http import parse_header_parameters

MAX_DEPTH = 64
DECIMAL = re.compile(r"(?!-0(?:\.0*)?$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL stores neither NUL nor surrogates


class MalformedJSON(ValueError):
    """The text says why, and is meant for the client."""


def loads(body: bytes, *, check_text: bool = True) -> Any:
    """The parsed body. Raises MalformedJSON. `check_text=False` leaves texts to the caller."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
    except MalformedJSON:
        raise
    except RecursionError as error:
        raise MalformedJSON("The JSON is nested too deeply.") from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, a number of 5,000 digits
        raise MalformedJSON("The body is not valid JSON in UTF-8.") from error
    for text, depth in _walk(value):
        if depth > MAX_DEPTH:
            raise MalformedJSON("The JSON is nested too deeply.")
        if check_text and text and UNSTORABLE.search(text):
            raise MalformedJSON("A string contains NUL or a lone surrogate.")
    return value


def is_utf8(content_type: str) -> bool:
    """False for a Content-Type whose charset names another encoding. RFC 8259 allows no other."""
    try:
        charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
    except (LookupError, ValueError):  # a parameter in an unknown charset (RFC 8187)
        return False
    return charset.lower() in ("utf-8", "utf8")


def unstorable_text(value: Any) -> bool:
    """True if any text of a parsed value, names included, holds NUL or a lone surrogate."""
    return any(UNSTORABLE.search(text) for text, _ in _walk(value) if text)


def parse_decimal(text: str) -> Decimal:
    """A decimal number as the schema describes it. Raises ValueError."""
    if not DECIMAL.fullmatch(text):
        raise ValueError("not a plain decimal number")
    return Decimal(text)


def _walk(value: Any) -> Iterator[tuple[str | None, int]]:
    """Every value, and every name, with its depth; the text of those that are text."""
    stack = [(value, 0)]
    while stack:
        each, depth = stack.pop()
        yield (each if isinstance(each, str) else None), depth
        if isinstance(each, dict):
            stack += [(inner, depth + 1) for pair in each.items() for inner in pair]
        elif isinstance(each, list):
            stack += [(inner, depth + 1) for inner in each]


def _refuse_constant(name: str) -> None:
    raise MalformedJSON(f"{name} is not valid JSON.")


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise MalformedJSON("A number is too large.")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise MalformedJSON("An object contains the same name twice.")
    return found
