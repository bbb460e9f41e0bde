import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, RequestFactory

from community.models import Like, Product, Review
from community.views import CommunityView
from labkit.tokens import login_header
from tests.conftest import Ask

STATIC = Path("community/static/graphiql")
JSON = "application/json"
NAMES = '{"query": "{ __typename }"}'

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
        f"text/plain; {JSON}",
    ],
)
def test_what_a_page_of_another_site_could_send_is_refused(client: Client, content_type: str) -> None:
    for url in ("/graphql/", "/graphql/?query={__typename}"):
        answer = client.generic("POST", url, NAMES, content_type=content_type)

        assert answer.status_code == 415
        assert answer.json() == {"errors": [{"message": "Send application/json.", "extensions": {"code": "BAD_REQUEST"}}]}


def test_a_program_needs_no_csrf_token() -> None:
    answer = Client(enforce_csrf_checks=True).post("/graphql/", NAMES, content_type="application/json; charset=utf-8")

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 15_000,
        json.dumps({"query": "{"}).encode(),
        json.dumps({"query": "{ nothing }"}).encode(),
        json.dumps({"query": 5}).encode(),
        json.dumps({"query": ["{ __typename }"]}).encode(),
        json.dumps({"query": "\x00"}).encode(),
        json.dumps({"query": '{ product(sku: "\ud800") { name } }'}).encode(),
        json.dumps({"query": "{" * 5_000}).encode(),
        json.dumps({"query": "{ feed { edges { node " + "{ author " * 150 + "}" * 150 + "} } }"}).encode(),
        json.dumps({"query": "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(500))}).encode(),
        json.dumps({"query": "{ feed(first: " + "9" * 5_000 + ") { edges { cursor } } }"}).encode(),
        json.dumps({"query": "{ ...A } fragment A on Query { ...A }"}).encode(),
        json.dumps({"query": "{ ...Missing }"}).encode(),
        json.dumps({"query": "mutation { drop }"}).encode(),
        json.dumps({"query": "subscription { drop }"}).encode(),
        json.dumps({"query": "query ($n: Int!) { feed(first: $n) { edges { cursor } } }"}).encode(),
        json.dumps({"query": "query ($n: Int!) { feed(first: $n) { edges { cursor } } }", "variables": ["n"]}).encode(),
        json.dumps({"query": "query ($n: Int!) { feed(first: $n) { edges { cursor } } }", "variables": {"n": 1e400}}).encode(),
        json.dumps({"query": "query ($n: Int!) { feed(first: $n) { edges { cursor } } }", "variables": "rubbish"}).encode(),
        json.dumps({"query": "{ __typename }", "operationName": {"a": 1}}).encode(),
    ],
    ids=lambda body: body[:60].decode(errors="replace"),
)
def test_rubbish_is_refused_with_a_graphql_error(client: Client, body: bytes) -> None:
    answer = client.post("/graphql/", body, content_type=JSON)

    assert answer.status_code in (200, 400, 413)
    assert answer.json()["errors"][0]["message"]
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert client.generic(method, "/graphql/").status_code == 405


def test_a_query_may_be_sent_by_get(client: Client) -> None:
    assert client.get("/graphql/", {"query": "{ __typename }"}).json() == {"data": {"__typename": "Query"}}


def test_graphiql_is_shown_to_browsers_and_needs_nothing_of_other_hosts(client: Client) -> None:
    page = client.get("/graphql/", headers={"Accept": "text/html"}).content.decode()

    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page)
    assert len(loaded) == 5
    for url in loaded:
        assert url.startswith("/static/graphiql/")
        with contextlib.closing(client.get(url)) as answer:
            assert answer.status_code == 200
    assert "://" not in page


def test_graphiql_is_shown_only_where_the_setting_allows_it(rf: RequestFactory) -> None:
    answer = CommunityView.as_view(graphiql=False)(rf.get("/graphql/", headers={"Accept": "text/html"}))

    assert (answer.status_code, answer["Content-Type"]) == (400, f"{JSON}; charset=utf-8")


def test_the_vendored_files_are_the_published_ones() -> None:
    listed = dict(re.findall(r"\| `([\w.-]+)` \|.*\| `([0-9a-f]{64})` \|", (STATIC / "README.md").read_text()))

    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in STATIC.glob("*.min.*")}


def test_after_the_login_a_query_is_the_users_own(client: Client, reviews: list[Review], django_user_model: Any) -> None:
    customer = django_user_model.objects.create_user("customer", password="a password")
    Like.objects.create(review=reviews[-1], user=customer)

    answer = client.post("/login/", {"username": "customer", "password": "a password"})

    assert (answer.status_code, answer["Location"]) == (302, "/graphql/")
    mine = client.get("/graphql/", {"query": "{ reviews(first: 1) { edges { node { likedByMe } } } }"}).json()
    assert mine == {"data": {"reviews": {"edges": [{"node": {"likedByMe": True}}]}}}


def test_a_visitor_gets_the_login_form(client: Client) -> None:
    assert "csrfmiddlewaretoken" in client.get("/login/").content.decode()


def test_seeding_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "a password")
    call_command("seed")
    once = capsys.readouterr().out
    call_command("seed")

    assert capsys.readouterr().out == once
    assert Product.objects.count() == 12


def down(*_: Any, **__: Any) -> None:
    raise OperationalError("the connection was lost")


@pytest.mark.parametrize(
    "query",
    [
        "{ reviews { edges { cursor } } }",
        '{ __typename product(sku: "SKU-000001") { name } }',  # a loader's query, and a field that needs none
    ],
)
def test_a_query_without_the_database_is_503(ask: Ask, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", down)
    status, answer = ask(query)

    assert (status, answer["code"]) == (503, "unavailable")


def test_a_login_without_the_database_is_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", down)
    answer = client.post("/graphql/", NAMES, content_type=JSON, headers=login_header("anna"))

    assert (answer.status_code, answer["Retry-After"], answer.json()["code"]) == (503, "2", "unavailable")


def test_a_mutation_that_loses_the_database_is_503(ask: Ask, users: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("community.reactions.seen_review", down)
    status, answer = ask('mutation { likeReview(input: {reviewId: "x"}) { userErrors { code } } }', users[0])

    assert (status, answer["code"]) == (503, "unavailable")
