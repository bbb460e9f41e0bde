"""The pattern alone: resolvers that fail in every way."""

import logging
from typing import Any

import graphene
import pytest

from graphql import GraphQLError

from . import MASK, masked


class Odd(Exception):
    """A library's own error: its extensions were not written for clients."""

    extensions = {"code": "TABLE_LEDGER"}


class Query(graphene.ObjectType):
    broken = graphene.String()
    must = graphene.String(required=True)
    odd = graphene.String()
    unwritten = graphene.String()
    foreseen = graphene.String()
    nested = graphene.Field(lambda: Query)
    page = graphene.Int(first=graphene.Int(required=True, default_value=1))
    size = graphene.Int(of=graphene.Int(), kind=graphene.Enum("Kind", [("BIG", 1)])())

    def resolve_nested(root: Any, info: Any) -> Any:
        return {}

    def resolve_broken(root: Any, info: Any) -> None:
        raise LookupError("secret table ledger")

    def resolve_must(root: Any, info: Any) -> None:
        return None

    def resolve_odd(root: Any, info: Any) -> None:
        raise Odd("secret table ledger")

    def resolve_unwritten(root: Any, info: Any) -> None:
        raise GraphQLError("secret table ledger")

    def resolve_foreseen(root: Any, info: Any) -> None:
        raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED"})


schema = graphene.Schema(query=Query)


def errors(query: str, variables: Any = None, **options: bool) -> list[Any]:
    result = schema.execute(query, variables=variables)
    return [masked(error, **options) for error in result.errors]


@pytest.mark.parametrize("field", ["broken", "must", "odd", "unwritten"])
def test_an_internal_error_shows_only_an_id_that_is_in_the_log(
    field: str, caplog: pytest.LogCaptureFixture
) -> None:
    [error] = errors(f"{{ alias: {field} }}")

    assert (error["message"], error["path"], error["extensions"]["code"]) == (
        MASK,
        ["alias"],
        "INTERNAL_SERVER_ERROR",
    )
    assert set(error["extensions"]) == {"code", "id"}
    [record] = caplog.records
    assert error["extensions"]["id"] in record.getMessage()
    assert record.exc_info
    assert record.levelno == logging.ERROR


def test_each_internal_error_has_its_own_id() -> None:
    ids = {error["extensions"]["id"] for error in errors("{ a: broken b: broken odd }")}

    assert len(ids) == 3


def test_an_error_with_a_code_passes_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    [error] = errors("{ foreseen }")

    assert (error["message"], error["extensions"]) == ("Log in first.", {"code": "UNAUTHENTICATED"})
    assert not caplog.records


def test_an_invalid_query_gets_a_code_and_its_message(caplog: pytest.LogCaptureFixture) -> None:
    assert errors("{ foreseen")[0]["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
    [error] = errors("{ unknown }")
    assert (error["message"], error["extensions"]) == (
        "Cannot query field 'unknown' on type 'Query'.",
        {"code": "GRAPHQL_VALIDATION_FAILED"},
    )
    assert not caplog.records


def test_suggestions_are_shown_only_if_asked_for() -> None:
    [silent], [helpful] = errors("{ foresen }"), errors("{ foresen }", suggest=True)

    assert silent["message"] == "Cannot query field 'foresen' on type 'Query'."
    assert helpful["message"].endswith("Did you mean 'foreseen'?")


@pytest.mark.parametrize(
    "query",
    [
        "query ($n: Int) { page(first: $n) }",
        "query ($n: Int = 1) { page(first: $n) }",
        "query ($n: Boolean = true) { page @include(if: $n) }",
        "query ($n: Boolean = true) { nested { page @skip(if: $n) } }",
    ],
)
def test_a_null_that_only_the_execution_refuses_is_a_clients_error(
    query: str, caplog: pytest.LogCaptureFixture
) -> None:
    [error] = errors(query, {"n": None})

    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "must not be null" in error["message"]
    assert not caplog.records


def test_a_scalar_that_cannot_parse_hides_pythons_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    [error] = errors(f"{{ size(of: {'9' * 5000}) }}")

    assert (error["message"], error["extensions"]) == (
        "A value does not match its type.",
        {"code": "GRAPHQL_VALIDATION_FAILED"},
    )
    assert not caplog.records


def test_an_internal_error_outside_of_any_field_is_masked_too() -> None:
    error = masked(
        GraphQLError("secret table ledger", original_error=LookupError("secret table ledger"))
    )

    assert (error["message"], error["extensions"]["code"]) == (MASK, "INTERNAL_SERVER_ERROR")  # type: ignore[typeddict-item]
