"""The lines of an order: one schema for the HTTP endpoint and for events on the bus."""

import re
from typing import Any

MAX_LINES = 100
MAX_SKU_CHARACTERS = 32
MAX_PIECES = 1000  # of one product
SKU = re.compile(r"\S(?:.*\S)?", re.ASCII)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class InvalidLines(ValueError):
    """The text says why."""


def quantities(lines: Any) -> dict[str, int]:
    """SKU → pieces. Raises InvalidLines, whatever the value is."""
    if not isinstance(lines, list) or not 1 <= len(lines) <= MAX_LINES:
        raise InvalidLines(f"An order must have 1 to {MAX_LINES} lines.")
    found: dict[str, int] = {}
    for line in lines:
        match line:
            case {"sku": str(sku), "quantity": int(quantity)} if not isinstance(quantity, bool):
                pass
            case _:
                raise InvalidLines("Each line needs a sku (a string) and a quantity (an integer).")
        if not 1 <= quantity <= MAX_PIECES:
            raise InvalidLines(f"A quantity must be between 1 and {MAX_PIECES}.")
        if len(sku) > MAX_SKU_CHARACTERS or not SKU.fullmatch(sku) or UNSTORABLE.search(sku):
            raise InvalidLines(f"A SKU must have 1 to {MAX_SKU_CHARACTERS} characters, without spaces around it.")
        if sku in found:
            raise InvalidLines("Each SKU may appear in one line only.")
        found[sku] = quantity
    return found
