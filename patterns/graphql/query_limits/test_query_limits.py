"""The pattern without the community: a schema of people and their friends."""

from typing import Any

import pytest
from graphql import GraphQLError, build_schema, parse, specified_rules, validate

from . import Limits, TooLarge, check_cost, limit_rule, parse_within

SCHEMA = build_schema("""
type Query { me: Person  people(first: Int! = 10): [Person!]!  all: [Person!]!  any: Any }
type Person { name: String  friends(first: Int! = 10): [Person!]!  best: Person }
union Any = Person
directive @d repeatable on FIELD | QUERY | FRAGMENT_SPREAD | INLINE_FRAGMENT | FRAGMENT_DEFINITION | VARIABLE_DEFINITION
""")
LIMITS = Limits(characters=500, tokens=100, depth=4, aliases=3, directives=2, repeats=5, cost=100)


def refused(query: str) -> list[str]:
    """What it has too much of."""
    return [error.extensions["limit"] for error in validate(SCHEMA, parse(query), [limit_rule(LIMITS)])]  # type: ignore[index]


def cost(query: str, limits: Limits = LIMITS, **options: Any) -> int:
    document = parse(query)
    assert validate(SCHEMA, document) == []
    return check_cost(limits, SCHEMA, document, **options)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("{ me { best { best { name } } } }", []),
        ("{ me { best { best { best { name } } } } }", ["levels"]),
        ("{ me { ... { best { ... on Person { best { name } } } } } }", []),
        ("{ me { ... { best { ... on Person { best { best { name } } } } } } }", ["levels"]),
        ("{ me { ...F } } fragment F on Person { best { best { name } } }", []),
        ("{ me { best { ...F } } } fragment F on Person { best { best { name } } }", ["levels"]),
        ("query A { me { name } } query B { me { best { best { best { name } } } } }", ["levels"]),
        ("{ __schema { types { fields { type { ofType { ofType { name } } } } } } }", []),
        ("{ a: me { b: name c: name } }", []),
        ("{ a: me { b: name c: name d: name } }", ["aliases"]),
        ("{ a: me { ...F } b: me { ...F } } fragment F on Person { c: name }", ["aliases"]),
        ("{ me @d @d { name } }", []),
        ("{ me @d @d { name @d } }", ["directives"]),
        ("query @d { ...F @d } fragment F on Query @d { me { name } }", ["directives"]),
        ("query ($a: Int @d @d @d) { me { name } }", ["directives"]),
        ("{ me { ... @d @d @d { name } } }", ["directives"]),
        ("{ me { name name name name name } }", []),
        ("{ me { name name name name name name } }", ["fields of one name"]),
        ("{ me { ...F name name name name } } fragment F on Person { name best { name } }", ["fields of one name"]),
    ],
)
def test_what_is_too_much_is_named(query: str, found: list[str]) -> None:
    assert refused(query) == found


def test_text_and_tokens_are_bounded_before_the_document_is_parsed() -> None:
    assert parse_within(LIMITS, "{ me { name } }")
    for source, limit in (("#" * 501, "characters"), ("{ " + "a " * 99 + "}", "tokens"), ("{ " + "a " * 101 + "???", "tokens")):
        with pytest.raises(TooLarge) as error:
            parse_within(LIMITS, source)
        assert error.value.extensions == {"code": "QUERY_TOO_LARGE", "limit": limit, "maximum": getattr(LIMITS, limit)}
    with pytest.raises(GraphQLError, match="Syntax Error"):
        parse_within(LIMITS, "{")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ me { name } }", 2),
        ("{ people { name } }", 11),  # the default
        ("{ people(first: 3) { name } }", 4),
        ("{ people(first: 3) { name friends(first: 2) { name } } }", 1 + 3 * (1 + 1 + 2)),
        ("query ($n: Int! = 4) { people(first: $n) { name } }", 5),
        ("{ people(first: 0) { name } }", 2),
        ("{ people(first: 2) { ...F } } fragment F on Person { friends(first: 3) { name } }", 1 + 2 * 4),
        ("{ people(first: 2) { ... on Person { name } ... { name } } }", 1 + 2 * 2),
        ("{ any { ... on Person { friends(first: 3) { name } } } }", 1 + 4),
        ("{ __schema { types { name } } }", 1),
        ("query A { me { name } } query B { people { name } }", 0),  # nobody says which: the execution refuses it
        ("{ all { name } }", 2),
    ],
)
def test_the_cost_is_the_number_of_fields_that_can_be_in_the_answer(query: str, expected: int) -> None:
    assert cost(query) == expected


def test_the_cost_is_of_what_runs_with_the_variables_that_come() -> None:
    sized = "query ($n: Int! = 2) { people(first: $n) { name } }"

    assert cost(sized, variables={"n": 50}) == 51
    assert cost(sized, variables={"n": "rubbish"}) == 2
    assert cost("query A { me { name } } query B { people { name } }", operation_name="B") == 11
    assert cost("{ all { name } }", lists={"Query.all": 70}) == 71
    for query, options in ((sized, {"variables": {"n": 100}}), ("{ all { name } }", {"lists": {"Query.all": 100}})):
        with pytest.raises(TooLarge) as error:
            cost(query, **options)  # type: ignore[arg-type]
        assert error.value.extensions["limit"] == "fields in its answer"  # type: ignore[index]


def test_each_fragment_is_measured_once() -> None:
    """60 fragments that each spread the next one twice: 2 ** 60 ways to the end, and the test ends."""
    doubling = "".join(f" fragment F{n} on Person {{ ...F{n + 1} ... {{ ...F{n + 1} }} }}" for n in range(60))
    query = f"{{ me {{ ...F0 }} }} {doubling} fragment F60 on Person {{ name }}"

    assert refused(query) == []
    with pytest.raises(TooLarge):
        check_cost(LIMITS, SCHEMA, parse(query))


@pytest.mark.parametrize(
    "query",
    [
        "{ ...A } fragment A on Query { me { name } ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...No }",
    ],
)
def test_fragments_in_a_circle_or_missing_are_left_to_the_specifications_rules(query: str) -> None:
    assert refused(query) == []
    assert validate(SCHEMA, parse(query), [limit_rule(LIMITS), *specified_rules])


def test_aliases_of_one_field_are_no_repetition() -> None:
    aliased = "{ me { " + " ".join(f"a{n}: name" for n in range(6)) + " } }"

    assert validate(SCHEMA, parse(aliased), [limit_rule(Limits(aliases=10, repeats=5))]) == []


def test_what_is_exactly_the_limit_passes() -> None:
    assert cost("{ people(first: 99) { name } }") == LIMITS.cost
    with pytest.raises(TooLarge):
        cost("{ people(first: 100) { name } }")


def test_a_chain_of_fragments_that_is_deeper_than_pythons_stack_is_an_error_and_no_crash() -> None:
    chain = "".join(f" fragment F{n} on Person {{ best {{ ...F{n + 1} }} }}" for n in range(2_000))
    query = f"{{ me {{ ...F0 }} }} {chain} fragment F2000 on Person {{ name }}"

    assert validate(SCHEMA, parse(query), [limit_rule(LIMITS)])


def test_it_is_beside_the_specifications_rules() -> None:
    errors = validate(SCHEMA, parse("{ unknown me { best { best { best { name } } } } }"), [limit_rule(LIMITS), *specified_rules])

    assert len(errors) == 2
