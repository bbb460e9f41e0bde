"""What production switches off, in a process that was started that way; and what it does not tell."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from labkit.processes import answers, free_port, listening, wait_until, web_server
from patterns.graphql.trusted_documents import sha256
from tests.served import PRODUCTION, served


@contextlib.contextmanager
def service(**environment: str) -> Iterator[str]:
    with served(**environment) as (url, _):
        yield f"{url}/graphql/"


def ask(url: str, **body: Any) -> Any:
    return httpx.post(url, json=body, timeout=30).json()


def codes(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


def test_production_shows_no_schema_no_suggestions_and_no_graphiql() -> None:
    with service() as url:
        for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }'):
            assert set(codes(ask(url, query=query))) == {"GRAPHQL_VALIDATION_FAILED"}
        assert "Did you mean" not in str(ask(url, query="{ review }"))
        assert "Did you mean" not in str(ask(url, query="{ reviews(orderBy: NEWST) { edges { cursor } } }"))
        page = httpx.get(url, headers={"Accept": "text/html"})
        assert (page.status_code, "graphiql" in page.text) == (400, False)
        assert ask(url, query="{ __typename }") == {"data": {"__typename": "Query"}}


def test_only_the_lists_documents_are_executed_where_production_says_so() -> None:
    documents = json.loads(Path("trusted_documents.json").read_text())
    [(name, text)] = [(name, text) for name, text in documents.items() if text.startswith("query Feed")]
    with service(TRUSTED_DOCUMENTS_ONLY="1") as url:
        assert codes(ask(url, query="{ __typename }")) == ["PERSISTED_DOCUMENT_NOT_FOUND"]
        assert codes(ask(url, documentId=sha256("{ __typename }"))) == ["PERSISTED_DOCUMENT_NOT_FOUND"]
        by_id, by_text = ask(url, documentId=name), ask(url, query=text)

    assert by_id == by_text
    assert codes(by_id) == ["UNAUTHENTICATED"]  # a visitor has no feed: it was executed


@contextlib.contextmanager
def logged_service(database_url: str) -> Iterator[tuple[str, list[str]]]:
    """The address, and the log: it is complete when the block has ended."""
    port, log = free_port(), []
    environment = {**os.environ, **PRODUCTION, **listening(port), "DATABASE_URL": database_url}
    argv = [sys.executable, *web_server("config.wsgi:application")[1:]]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=30, what="the service")
            yield f"http://127.0.0.1:{port}/graphql/", log
        finally:
            process.terminate()
            log += process.communicate(timeout=30)[0].splitlines()


def reviews(url: str) -> httpx.Response:
    return httpx.post(url, json={"query": "{ reviews { edges { cursor } } }"}, headers={"X-Request-ID": "the-request"}, timeout=30)


def test_an_internal_error_shows_an_id_and_the_log_shows_the_rest() -> None:
    without_tables = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    with logged_service(without_tables) as (url, log):
        response = reviews(url)

    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (200, "INTERNAL_SERVER_ERROR")
    assert "community_review" not in response.text
    [line] = [line for line in log if error["extensions"]["id"] in line]
    assert "ProgrammingError" in line
    assert "the-request" in line


def test_a_database_that_refuses_is_a_503_without_a_trace_or_a_password() -> None:
    with logged_service("postgres://shop:s3cret@127.0.0.1:1/ledger") as (url, log):
        response = reviews(url)

    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/problem+json")
    assert (response.json()["code"], response.json()["request_id"]) == ("unavailable", "the-request")
    assert response.headers["Retry-After"]
    assert "127.0.0.1" not in response.text
    assert [line for line in log if "503 for POST /graphql/" in line and "the-request" in line]
    assert "s3cret" not in " ".join(log)
    assert "Traceback" not in " ".join(log)
