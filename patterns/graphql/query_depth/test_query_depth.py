"""The pattern alone: a schema of people and their friends."""

import pytest

from graphql import GraphQLError, build_schema, parse, specified_rules, validate

from . import Limits, QueryTooLarge, limit_rule, parse_within

SCHEMA = build_schema("""
type Query { me: Person  people(first: Int! = 10): [Person!]!  all: [Person!]!  any: Any }
type Person { name: String  friends(first: Int! = 10): [Person!]!  best: Person }
union Any = Person
directive @d repeatable on
  FIELD | QUERY | FRAGMENT_SPREAD | INLINE_FRAGMENT | FRAGMENT_DEFINITION | VARIABLE_DEFINITION
""")
LIMITS = Limits(characters=500, tokens=100, depth=4, aliases=3, directives=2, repeats=5)


def refused(query: str) -> list[str]:
    """The limits that the query exceeds."""
    errors = validate(SCHEMA, parse(query), [limit_rule(LIMITS)])
    return [(error.extensions or {})["limit"] for error in errors]


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
        (
            "{ me { ...F name name name name } } fragment F on Person { name best { name } }",
            ["fields of one name"],
        ),
    ],
)
def test_a_refusal_names_the_limit(query: str, found: list[str]) -> None:
    assert refused(query) == found


def test_characters_and_tokens_are_limited_before_parsing_ends() -> None:
    assert parse_within(LIMITS, "{ me { name } }")
    for source, limit in (
        ("#" * 501, "characters"),
        ("{ " + "a " * 99 + "}", "tokens"),
        ("{ " + "a " * 101 + "???", "tokens"),
    ):
        with pytest.raises(QueryTooLarge) as error:
            parse_within(LIMITS, source)
        assert error.value.extensions == {
            "code": "QUERY_TOO_LARGE",
            "limit": limit,
            "maximum": getattr(LIMITS, limit),
        }
    with pytest.raises(GraphQLError, match="Syntax Error"):
        parse_within(LIMITS, "{")


def test_each_fragment_is_measured_once() -> None:
    """60 fragments that each spread the next one twice: 2 ** 60 paths."""
    doubling = "".join(
        f" fragment F{n} on Person {{ ...F{n + 1} ... {{ ...F{n + 1} }} }}" for n in range(60)
    )
    query = f"{{ me {{ ...F0 }} }} {doubling} fragment F60 on Person {{ name }}"

    assert refused(query) == []


@pytest.mark.parametrize(
    "query",
    [
        "{ ...A } fragment A on Query { me { name } ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...No }",
    ],
)
def test_cyclic_and_undefined_fragments_are_left_to_the_specification(query: str) -> None:
    assert refused(query) == []
    assert validate(SCHEMA, parse(query), [limit_rule(LIMITS), *specified_rules])


def test_aliases_of_one_field_are_not_fields_of_one_name() -> None:
    aliased = "{ me { " + " ".join(f"a{n}: name" for n in range(6)) + " } }"

    assert validate(SCHEMA, parse(aliased), [limit_rule(Limits(aliases=10, repeats=5))]) == []


def test_a_chain_of_fragments_deeper_than_pythons_stack_is_an_error() -> None:
    chain = "".join(f" fragment F{n} on Person {{ best {{ ...F{n + 1} }} }}" for n in range(2_000))
    query = f"{{ me {{ ...F0 }} }} {chain} fragment F2000 on Person {{ name }}"

    assert validate(SCHEMA, parse(query), [limit_rule(LIMITS)])


def test_the_rule_works_beside_the_specifications_rules() -> None:
    errors = validate(
        SCHEMA,
        parse("{ unknown me { best { best { best { name } } } } }"),
        [limit_rule(LIMITS), *specified_rules],
    )

    assert len(errors) == 2
