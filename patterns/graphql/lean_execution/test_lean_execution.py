"""The pattern without the community: the same documents, executed by graphql-core and by this; and how often something is looked up."""

import sys
from typing import Any

import graphene
import pytest
from graphql import ExecutionContext, ExecutionResult
from graphql.execution import execute as run
from graphql.language import parse

from . import LeanExecution

lean_execution = sys.modules[__package__ or ""]


class Colour(graphene.Enum):
    RED = 1
    GREEN = 2


class Named(graphene.Interface):
    name = graphene.String()

    @classmethod
    def resolve_type(cls, found: Any, info: Any) -> Any:
        return found.get("type", Person) if isinstance(found, dict) else Person


class Person(graphene.ObjectType):
    number = graphene.Int()
    must = graphene.Int(required=True)
    colour = graphene.Field(Colour)
    friends = graphene.List(lambda: Person, first=graphene.Int(default_value=2))
    strict_friends = graphene.List(graphene.NonNull(lambda: Person), first=graphene.Int(default_value=2))
    words = graphene.List(graphene.String)
    nonsense = graphene.List(graphene.String)
    path = graphene.List(graphene.String)
    broken = graphene.String()
    returned_error = graphene.String()
    anyone = graphene.Field(Named, as_type=graphene.String())
    greeting = graphene.String(to=graphene.String(required=True))

    class Meta:
        interfaces = [Named]

    def resolve_friends(person: Any, info: Any, first: int) -> Any:
        return [{"number": n, "name": f"friend {n}", "must": None if n == 1 else n, "colour": n} for n in range(first)]

    resolve_strict_friends = resolve_friends

    def resolve_path(person: Any, info: Any) -> list[str]:
        return [f"{info.parent_type.name}.{info.field_name}", *map(str, info.path.as_list()), str(info.return_type)]

    def resolve_broken(person: Any, info: Any) -> None:
        raise LookupError("no luck")

    def resolve_returned_error(person: Any, info: Any) -> Any:
        return LookupError("returned")

    def resolve_anyone(person: Any, info: Any, as_type: str | None = None) -> Any:
        return {"name": "somebody", "number": 1} | ({"type": as_type} if as_type else {})

    def resolve_greeting(person: Any, info: Any, to: str) -> str:
        return f"Good morning, {to}"


class Query(graphene.ObjectType):
    person = graphene.Field(Person)
    asynchronous = graphene.Field(Person)
    nobody = graphene.Field(Person)

    def resolve_person(root: Any, info: Any) -> Any:
        return Someone()

    async def resolve_asynchronous(root: Any, info: Any) -> Any:
        return Someone()


class Someone:
    number, name, must, words, colour, nonsense = 7, "Anna", 1, ["a", None, "c"], 2, 5


schema = graphene.Schema(query=Query).graphql_schema
DOCUMENTS = [
    "{ person { number name must colour words path friends { number name path } } nobody { name } __typename }",
    "{ person { friends(first: 3) { number must } strictFriends(first: 3) { number must } } }",  # null for one of them, and for all
    "{ person { broken returnedError number friends { broken } nonsense } }",
    "{ person { colour friends(first: 4) { colour } } }",  # 0 and 3 are no colours
    '{ person { anyone { name __typename ... on Person { number path } } wrong: anyone(asType: "Nobody") { name } } }',
    "query ($first: Int = 1, $more: Boolean!) { person { friends(first: $first) { number name @include(if: $more) @skip(if: false) } } }",
    "query ($to: String) { person { friends(first: 2) { greeting(to: $to) } } }",  # null for what is required
    "{ person { a: number b: number ...both ...both } } fragment both on Person { friends { number } friends { name } }",
    '{ __schema { queryType { name fields { name args { name defaultValue } } } } __type(name: "Colour") { enumValues { name } } }',
]


def answer(document: str, kind: type[ExecutionContext], middleware: Any = None) -> ExecutionResult:
    variables = {"more": True, "to": None} if "$" in document else {}
    result = run(schema, parse(document), variable_values=variables, execution_context_class=kind, middleware=middleware)
    assert isinstance(result, ExecutionResult)
    return result


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_answer_and_its_errors_are_graphql_cores(document: str) -> None:
    expected, found = answer(document, ExecutionContext), answer(document, LeanExecution)

    assert found.formatted == expected.formatted
    assert list(map(repr, found.errors or [])) == list(map(repr, expected.errors or []))


def test_each_resolver_learns_where_it_is() -> None:
    friends = answer("{ person { friends { path } } }", LeanExecution).data["person"]["friends"]  # type: ignore[index]

    assert [friend["path"] for friend in friends] == [
        ["Person.path", "person", "friends", str(place), "path", "[String]"] for place in range(2)
    ]


def test_a_middleware_sees_each_field_of_each_row() -> None:
    seen: list[str] = []

    def watch(resolve: Any, root: Any, info: Any, **arguments: Any) -> Any:
        seen.append(info.field_name)
        return resolve(root, info, **arguments)

    answer("{ person { friends(first: 3) { number } } }", LeanExecution, [watch])

    assert seen == ["person", "friends", "number", "number", "number"]


@pytest.mark.parametrize("rows", [1, 40])
def test_a_field_and_its_arguments_are_looked_up_once_for_all_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    for name in ("get_field_def", "get_argument_values"):
        original = getattr(lean_execution, name)
        monkeypatch.setattr(lean_execution, name, lambda *given, original=original, name=name: looked_up.append(name) or original(*given))

    answer(f'{{ person {{ friends(first: {rows}) {{ number greeting(to: "you") }} }} }}', LeanExecution)

    assert sorted(looked_up) == ["get_argument_values"] * 4 + ["get_field_def"] * 4


def test_an_asynchronous_resolver_is_refused() -> None:
    result = answer("{ asynchronous { name } }", LeanExecution)

    assert result.data == {"asynchronous": None}
    assert [error.message for error in result.errors or []] == ["the resolver of Query.asynchronous is asynchronous"]
