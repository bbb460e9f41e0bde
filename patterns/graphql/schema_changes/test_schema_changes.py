"""The pattern alone: a schema of a few lines, and one change at a time."""

import pytest

from . import breaking_changes, dangerous_changes

OLD = """
type Query {
  item(id: ID!): Item!
  size(unit: String! = "cm"): Int
  items(kind: Kind = BIG, name: String): [Item!]!
  any: Any
}
interface Named { name: String! }
type Item implements Named { id: ID!  name: String!  other: String }
type Note { id: ID! }
union Any = Item | Note
enum Kind { BIG SMALL }
input Wanted { name: String  count: Int! = 1 }
type Mutation { want(input: Wanted!): Item }
"""
BREAKING = {
    "FIELD_REMOVED": ("  other: String }", " }"),
    "FIELD_CHANGED_KIND": ("item(id: ID!): Item!", "item(id: ID!): Item"),
    "ARG_REMOVED": ("item(id: ID!)", "item"),
    "ARG_CHANGED_KIND": ("kind: Kind = BIG", "kind: Kind!"),
    "REQUIRED_ARG_ADDED": ("item(id: ID!)", "item(id: ID!, sku: ID!)"),
    "REQUIRED_INPUT_FIELD_ADDED": ("input Wanted {", "input Wanted { sku: ID! "),
    "VALUE_REMOVED_FROM_ENUM": ("enum Kind { BIG SMALL }", "enum Kind { BIG }"),
    "TYPE_REMOVED_FROM_UNION": ("union Any = Item | Note", "union Any = Item"),
    "IMPLEMENTED_INTERFACE_REMOVED": ("type Item implements Named", "type Item"),
}
WITHOUT_DEFAULT = [('unit: String! = "cm"', "unit: String!"), ("count: Int! = 1", "count: Int!")]
DANGEROUS = {
    "VALUE_ADDED_TO_ENUM": ("enum Kind { BIG SMALL }", "enum Kind { BIG SMALL TINY }"),
    "ARG_DEFAULT_VALUE_CHANGE": ("kind: Kind = BIG", "kind: Kind = SMALL"),
    "OPTIONAL_ARG_ADDED": ("item(id: ID!)", "item(id: ID!, sku: ID)"),
}


def changed(before: str, after: str) -> str:
    assert before in OLD
    return OLD.replace(before, after)


@pytest.mark.parametrize("kind", BREAKING)
def test_a_breaking_change_is_named(kind: str) -> None:
    [change] = breaking_changes(OLD, changed(*BREAKING[kind]))

    assert change.startswith(f"{kind}: ")


@pytest.mark.parametrize("change", WITHOUT_DEFAULT)
def test_an_input_that_lost_its_default_is_named(change: tuple[str, str]) -> None:
    [named] = breaking_changes(OLD, changed(*change))

    assert named.startswith("DEFAULT_REMOVED: ")


@pytest.mark.parametrize("kind", DANGEROUS)
def test_a_dangerous_change_is_listed_apart(kind: str) -> None:
    new = changed(*DANGEROUS[kind])

    assert breaking_changes(OLD, new) == []
    assert [change.partition(":")[0] for change in dangerous_changes(OLD, new)] == [kind]


def test_a_change_that_breaks_no_client_is_not_named() -> None:
    for new in (
        OLD,
        changed("type Note { id: ID! }", "type Note { id: ID!  body: String }"),
        OLD + "type New { id: ID! }",
    ):
        assert breaking_changes(OLD, new) == dangerous_changes(OLD, new) == []
