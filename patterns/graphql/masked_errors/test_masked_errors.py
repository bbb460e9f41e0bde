"""The pattern without the community: resolvers that fail in every way."""

import logging
from typing import Any

import graphene
import pytest
from graphql import GraphQLError

from . import MASK, masked


class Odd(Exception):
    """As a library's own errors may be: with extensions that were not written for our clients."""

    extensions = {"code": "TABLE_LEDGER"}


class Query(graphene.ObjectType):
    broken = graphene.String()
    must = graphene.String(required=True)
    odd = graphene.String()
    unwritten = graphene.String()
    foreseen = graphene.String()
    size = graphene.Int(of=graphene.Int(), kind=graphene.Enum("Kind", [("BIG", 1)])())

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


def errors(query: str, **options: bool) -> list[Any]:
    return [masked(error, **options) for error in schema.execute(query).errors]


@pytest.mark.parametrize("field", ["broken", "must", "odd", "unwritten"])
def test_what_fails_inside_is_told_by_an_id_that_is_in_the_log(field: str, caplog: pytest.LogCaptureFixture) -> None:
    [error] = errors(f"{{ alias: {field} }}")

    assert (error["message"], error["path"], error["extensions"]["code"]) == (MASK, ["alias"], "INTERNAL_SERVER_ERROR")
    assert set(error["extensions"]) == {"code", "id"}
    [record] = caplog.records
    assert error["extensions"]["id"] in record.getMessage()
    assert record.exc_info
    assert record.levelno == logging.ERROR


def test_each_error_has_an_id_of_its_own() -> None:
    ids = {error["extensions"]["id"] for error in errors("{ a: broken b: broken odd }")}

    assert len(ids) == 3


def test_what_carries_a_code_passes(caplog: pytest.LogCaptureFixture) -> None:
    [error] = errors("{ foreseen }")

    assert (error["message"], error["extensions"]) == ("Log in first.", {"code": "UNAUTHENTICATED"})
    assert not caplog.records


def test_a_broken_query_gets_a_code_and_its_own_words(caplog: pytest.LogCaptureFixture) -> None:
    assert errors("{ foreseen")[0]["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}
    [error] = errors("{ unknown }")
    assert (error["message"], error["extensions"]) == (
        "Cannot query field 'unknown' on type 'Query'.",
        {"code": "GRAPHQL_VALIDATION_FAILED"},
    )
    assert not caplog.records


def test_suggestions_are_made_only_when_asked_for() -> None:
    [silent], [helpful] = errors("{ foresen }"), errors("{ foresen }", suggest=True)

    assert silent["message"] == "Cannot query field 'foresen' on type 'Query'."
    assert helpful["message"].endswith("Did you mean 'foreseen'?")


def test_a_scalars_own_failure_is_the_clients_and_not_in_pythons_words(caplog: pytest.LogCaptureFixture) -> None:
    [error] = errors(f"{{ size(of: {'9' * 5000}) }}")

    assert (error["message"], error["extensions"]) == ("A value is not one of its type.", {"code": "GRAPHQL_VALIDATION_FAILED"})
    assert not caplog.records


def test_a_failure_outside_of_any_field_is_masked_too() -> None:
    error = masked(GraphQLError("secret table ledger", original_error=LookupError("secret table ledger")))

    assert (error["message"], error["extensions"]["code"]) == (MASK, "INTERNAL_SERVER_ERROR")  # type: ignore[typeddict-item]
