"""The pattern alone: a schema of people and their friends, whose resolvers are counted."""

from typing import Any

import graphene
import pytest

from graphql import ExecutionResult, build_schema, execute, parse, validate

from . import LimitedCost

SCHEMA = build_schema("""
type Query {
  me: Person
  people(first: Int! = 10): [Person!]!
  filtered(first: Int! = 10, kind: Kind! = ALL): [Person!]!
  paged(first: Int, last: Int): [Person!]!
  names(first: Int! = 10): [String!]!
  all: [Person!]!
  any: Any
  named: Named
}
interface Named { friends(first: Int! = 1): [Person!]! }
type Person implements Named { name: String  friends(first: Int! = 10): [Person!]!  best: Person }
union Any = Person
enum Kind { ALL SOME }
input Row { name: String  tags: [String!] }
type Mutation { write(rows: [Row!]!): [Person!]!  tag(row: Row!): Int }
""")
SIZED = "query ($n: Int = 2) { people(first: $n) { name } }"


class Execution(LimitedCost):
    max_cost = 100
    list_sizes = {"Query.all": 70, "Query.paged": 5}


class WithoutSizes(LimitedCost):
    max_cost = 100


def cost(query: str, kind: type[LimitedCost] = Execution, **options: Any) -> int:
    """The cost of what is executed. Fails for a refused query."""
    document = parse(query)
    assert validate(SCHEMA, document) == []
    context = kind.build(SCHEMA, document, **options)
    assert isinstance(context, LimitedCost), context
    return context.check_cost()


def run(query: str, kind: type[LimitedCost] = Execution, **options: Any) -> tuple[Any, int]:
    """The result, and how many resolvers ran."""
    resolved = []
    document = parse(query)
    assert validate(SCHEMA, document) == []

    def resolve(*_: Any, **arguments: Any) -> None:
        resolved.append(arguments)

    result = execute(
        SCHEMA, document, field_resolver=resolve, execution_context_class=kind, **options
    )
    assert isinstance(result, ExecutionResult)
    return result, len(resolved)


def refused_as(query: str, kind: type[LimitedCost] = Execution, **options: Any) -> str:
    result, resolved = run(query, kind, **options)
    [error] = result.errors
    assert (resolved, result.data, error.path) == (0, None, None)
    return str((error.extensions or {}).get("code", error.message))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ me { name } }", 2),
        ("{ people { name } }", 11),  # the default
        ("{ people(first: 3) { name } }", 4),
        ("{ people(first: 3) { name friends(first: 2) { name } } }", 1 + 3 * (1 + 1 + 2)),
        ("{ people(first: 0) { name } }", 2),
        ("{ people(first: 2) { ...F } } fragment F on Person { friends(first: 3) { name } }", 9),
        ("{ people(first: 2) { ... on Person { name } ... { name } } }", 1 + 2 * 2),
        ("{ any { ... on Person { friends(first: 3) { name } } } }", 1 + 4),
        ("{ named { friends { name } } }", 1 + 11),  # the default of the implementation
        ("{ names(first: 60) }", 61),
        ("{ paged(first: 3) { name } }", 4),
        ("{ paged(last: 7) { name } }", 8),
        ("{ paged { name } }", 6),
        ("{ all { name } }", 71),
        ("{ __schema { types { name } } }", 1),
        ("{ people @skip(if: true) { name } me { name @include(if: false) best { name } } }", 3),
    ],
)
def test_the_cost_is_the_number_of_fields_that_the_answer_can_have(
    query: str, expected: int
) -> None:
    assert cost(query) == expected


@pytest.mark.parametrize("first", [99, 100])
def test_the_limit_is_the_highest_cost_that_passes(first: int) -> None:
    query = f"{{ people(first: {first}) {{ name }} }}"

    if first == 99:
        assert cost(query) == Execution.max_cost
    else:
        assert refused_as(query) == "QUERY_TOO_LARGE"


def test_the_cost_is_of_the_coerced_variables() -> None:
    assert cost(SIZED, raw_variable_values={"n": 50}) == 51
    assert cost(SIZED) == 3
    assert cost(SIZED.replace(" = 2", "! = 4"), raw_variable_values={}) == 5
    assert refused_as(SIZED, variable_values={"n": 100}) == "QUERY_TOO_LARGE"


def test_the_cost_is_of_the_operation_that_is_executed() -> None:
    both = "query A { me { name } } query B { people(first: 100) { name } }"

    assert cost(both, operation_name="A") == 2
    assert refused_as(both, operation_name="B") == "QUERY_TOO_LARGE"
    for name in ("", None, "C"):  # graphql-core's own refusals
        assert refused_as(both, operation_name=name) != "QUERY_TOO_LARGE"
    assert refused_as("{ people(first: 100) { name } }", operation_name="").startswith("Unknown")


@pytest.mark.parametrize(
    "query",
    [
        SIZED,
        "query ($n: Int) { people(first: $n) { name } }",
        "query ($n: Int) { me { ... on Person { friends(first: $n) { name } } } }",
        "query ($n: Kind) { filtered(kind: $n) { name } }",
        "query ($n: Boolean = true) { me { name @include(if: $n) } }",
        "query ($n: Boolean = true) { ...F @skip(if: $n) } fragment F on Query { me { name } }",
    ],
)
def test_a_null_that_the_execution_would_refuse_is_refused_at_once(query: str) -> None:
    assert "must not be null" in refused_as(query, variable_values={"n": None})


def test_a_list_whose_page_argument_is_missing_or_null_is_refused() -> None:
    query = "query ($n: Int) { paged(first: $n) { name } }"

    assert refused_as(query, WithoutSizes) == "QUERY_TOO_LARGE"
    assert refused_as(query, WithoutSizes, variable_values={"n": None}) == "QUERY_TOO_LARGE"
    assert cost(query, WithoutSizes, raw_variable_values={"n": 3}) == 4


def test_each_item_of_a_list_input_counts_also_nested_and_per_alias() -> None:
    write = "mutation ($r: [Row!]!) { write(rows: $r) { name } }"
    rows = [{"name": "x"}, {"tags": ["a", "b"]}]

    assert cost(write, raw_variable_values={"r": rows}) == 2 + 10 * (2 + 2)
    assert cost("mutation { tag(row: {tags: []}) }") == 1
    assert cost('mutation { tag(row: {tags: ["a", "b"]}) }') == 1 + 20
    aliases = " ".join(f"a{n}: write(rows: $r) {{ name }}" for n in range(3))
    query = f"mutation ($r: [Row!]!) {{ {aliases} }}"
    assert refused_as(query, variable_values={"r": rows}) == "QUERY_TOO_LARGE"


def test_each_fragment_is_measured_once() -> None:
    """60 fragments that each spread the next one twice: 2 ** 60 paths."""
    doubling = "".join(
        f" fragment F{n} on Person {{ ...F{n + 1} ... {{ ...F{n + 1} }} }}" for n in range(60)
    )
    query = f"{{ me {{ ...F0 }} }} {doubling} fragment F60 on Person {{ name }}"

    context = Execution.build(SCHEMA, parse(query))

    assert isinstance(context, list)


def test_what_is_nested_deeper_than_pythons_stack_is_refused() -> None:
    chain = "".join(f" fragment F{n} on Person {{ best {{ ...F{n + 1} }} }}" for n in range(2_000))
    query = f"{{ me {{ ...F0 }} }} {chain} fragment F2000 on Person {{ name }}"

    [error] = Execution.build(SCHEMA, parse(query))  # type: ignore[misc]

    assert error.extensions["code"] == "QUERY_TOO_LARGE"


def test_renamed_arguments_of_graphene_are_understood() -> None:
    class Query(graphene.ObjectType):
        rows = graphene.List(graphene.String, page_size=graphene.Int(required=True))

    class Paged(Execution):
        page_arguments = ("pageSize",)

    schema = graphene.Schema(query=Query).graphql_schema
    context = Paged.build(schema, parse("{ rows(pageSize: 30) }"))

    assert isinstance(context, LimitedCost)
    assert context.check_cost() == 31
