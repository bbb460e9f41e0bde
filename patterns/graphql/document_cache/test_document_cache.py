"""The pattern alone: the tests count how often a document is prepared."""

import tracemalloc

import pytest

from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, parse

from . import Prepare, cached

ONE, OTHER = build_schema("type Query { a: Int }"), build_schema("type Query { b: Int }")
prepared: list[str] = []


def prepare(schema: GraphQLSchema, source: str) -> DocumentNode:
    prepared.append(source)
    if "bad" in source:
        raise GraphQLError("bad")
    return parse(source)


@pytest.fixture
def get() -> Prepare:
    prepared.clear()
    return cached(prepare, size=3, longest=20)


def test_a_document_is_prepared_once(get: Prepare) -> None:
    assert get(ONE, "{ a }") is get(ONE, "{ a }")
    assert prepared == ["{ a }"]


def test_each_schema_has_entries_of_its_own(get: Prepare) -> None:
    assert get(ONE, "{ a }") is not get(OTHER, "{ a }")
    assert get(ONE, "{ a }") is get(ONE, "{ a }")
    assert len(prepared) == 2


def test_a_document_that_failed_is_not_kept_and_evicts_nothing(get: Prepare) -> None:
    get(ONE, "{ a }")
    for n in range(10):
        with pytest.raises(GraphQLError):
            get(ONE, f"{{ bad{n} }}")
    get(ONE, "{ a }")

    assert prepared.count("{ a }") == 1


def test_the_least_recently_used_document_is_dropped_first(get: Prepare) -> None:
    for source in ("{ a }", "{ b }", "{ c }", "{ a }", "{ d }", "{ a }", "{ b }"):
        get(ONE, source)

    assert (prepared.count("{ a }"), prepared.count("{ b }")) == (1, 2)


def test_a_long_document_is_not_kept(get: Prepare) -> None:
    for _ in range(2):
        get(ONE, "{ a } " + "#" * 20)

    assert len(prepared) == 2


def test_a_document_takes_less_than_400_times_the_memory_of_its_text() -> None:
    source = "{ " + "a " * 1_999 + "}"
    tracemalloc.start()
    document = parse(source)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert document.definitions
    assert taken < 400 * len(source)
