"""The pattern alone: a list of two documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from . import MalformedId, NotTrusted, TrustedDocuments, sha256

ONE, OTHER = "{ one }", "query Other { other }"
LIST = {sha256(text): text for text in (ONE, OTHER)}
BY_ID: list[Any] = [
    {"documentId": sha256(ONE)},
    {"documentId": f"sha256:{sha256(ONE)}"},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(ONE)}}},
]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("data", BY_ID)
def test_a_document_is_found_by_its_id(data: Any, required: bool) -> None:
    assert TrustedDocuments(LIST, required=required).source(data) == ONE


@pytest.mark.parametrize("required", [True, False])
def test_an_id_wins_over_a_text_beside_it(required: bool) -> None:
    assert (
        TrustedDocuments(LIST, required=required).source(
            {"documentId": sha256(ONE), "query": "{ evil }"}
        )
        == ONE
    )


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("document_id", ["0" * 64, "sha256:", "x", "{ one }"])
def test_an_unknown_id_is_refused(document_id: str, required: bool) -> None:
    with pytest.raises(NotTrusted) as refused:
        TrustedDocuments(LIST, required=required).source({"documentId": document_id})

    assert refused.value.extensions == {"code": "PERSISTED_DOCUMENT_NOT_FOUND"}


@pytest.mark.parametrize("query", ["{ one  }", "{ evil }", "{ one } #", "\ud800"])
def test_with_required_only_texts_on_the_list_pass(query: str) -> None:
    trusted, open_to_all = (
        TrustedDocuments(LIST, required=True),
        TrustedDocuments(LIST, required=False),
    )

    with pytest.raises(NotTrusted):
        trusted.source({"query": query})
    assert trusted.source({"query": OTHER}) == OTHER
    assert open_to_all.source({"query": query}) == query


MALFORMED: list[Any] = [
    *({"documentId": bad} for bad in (5, True, [], {})),
    *({"extensions": {"persistedQuery": bad}} for bad in ("x", 5, True, [], ["x"], {})),
    *({"extensions": {"persistedQuery": {"sha256Hash": bad}}} for bad in (5, None, [], {})),
]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("data", MALFORMED)
def test_a_malformed_id_is_refused_as_a_clients_error(data: Any, required: bool) -> None:
    with pytest.raises(MalformedId) as refused:
        TrustedDocuments(LIST, required=required).source({**data, "query": ONE})

    assert refused.value.extensions == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"query": None},
        {"query": ""},
        {"documentId": None},
        {"extensions": None},
        {"extensions": {"persistedQuery": None}},
    ],
)
def test_a_request_that_names_no_document_has_none(data: Any) -> None:
    assert not TrustedDocuments(LIST, required=True).source(data)


def test_a_list_with_an_id_that_is_not_the_hash_is_not_loaded(
    tmp_path: Path,
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(LIST))
    assert TrustedDocuments.load(file, required=True).documents == LIST

    file.write_text(json.dumps({sha256(ONE): "{ evil }"}))
    with pytest.raises(ValueError, match="SHA-256"):
        TrustedDocuments.load(file, required=True)
