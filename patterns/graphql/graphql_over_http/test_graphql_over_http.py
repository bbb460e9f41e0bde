"""The pattern without the community: a schema of one field, behind the view alone. The audits are in tests/test_audits.py."""

import json
from typing import Any

import graphene
import pytest
from django.http import HttpResponseBase
from django.test import RequestFactory

from . import GRAPHQL_RESPONSE, JSON, GraphQLOverHTTPView

done: list[str] = []


class Query(graphene.ObjectType):
    hello = graphene.String(name=graphene.String(default_value="you"))
    must = graphene.String(required=True)

    def resolve_hello(root: Any, info: Any, name: str) -> str:
        return f"hello {name}"


class Do(graphene.Mutation):
    ok = graphene.Boolean()

    def mutate(root: Any, info: Any) -> "Do":
        done.append("done")
        return Do(ok=True)


class Mutation(graphene.ObjectType):
    do = Do.Field()


view = GraphQLOverHTTPView.as_view(schema=graphene.Schema(query=Query, mutation=Mutation))


def post(body: Any, content_type: str = JSON, url: str = "/", **headers: str) -> HttpResponseBase:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return view(RequestFactory().generic("POST", url, data, content_type=content_type, headers=headers))


def get(accept: str = "*/*", **query: str) -> HttpResponseBase:
    return view(RequestFactory().get("/", query, headers={"Accept": accept}))


def content(response: Any) -> Any:
    return json.loads(response.content)


BROKEN = [{"query": "{"}, {"query": "{ unknown }"}, {"query": "query ($n: Int!) { hello }", "variables": {"n": "x"}}]


@pytest.mark.parametrize("accept", [JSON, "*/*", "text/plain, */*", f"{JSON}, {GRAPHQL_RESPONSE};q=0.9", ";;;,,/", ""])
def test_who_asks_for_json_or_anything_gets_json_and_200(accept: str) -> None:
    for body in ({"query": "{ hello }"}, *BROKEN):
        response = post(body, Accept=accept)

        assert (response.status_code, response["Content-Type"]) == (200, f"{JSON}; charset=utf-8")
        assert "Accept" in response["Vary"]


@pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, f"{GRAPHQL_RESPONSE}, {JSON};q=0.9"])
def test_who_prefers_the_graphql_response_gets_it_with_400_for_what_was_not_executed(accept: str) -> None:
    good, bad, partial = (
        post({"query": "{ hello }"}, Accept=accept),
        [post(body, Accept=accept) for body in BROKEN],
        post({"query": "{ must }"}, Accept=accept),
    )

    assert {response["Content-Type"] for response in (good, partial, *bad)} == {f"{GRAPHQL_RESPONSE}; charset=utf-8"}
    assert [response.status_code for response in (good, partial, *bad)] == [200, 200, 400, 400, 400]
    assert all("data" not in content(response) for response in bad)
    assert content(partial)["data"] is None


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", ""]
)
def test_a_mutation_in_what_another_sites_page_can_send_is_not_done(content_type: str) -> None:
    done.clear()
    for url in ("/", "/?query=mutation{do{ok}}"):
        response = post({"query": "mutation { do { ok } }"}, content_type, url)

        assert response.status_code == 415
        assert content(response)["errors"][0]["message"]
    assert done == []


def test_a_posts_parameters_are_in_its_body_only() -> None:
    done.clear()

    assert post({}, url="/?query=mutation{do{ok}}").status_code == 400
    assert content(post({"query": "{ hello }"}, url="/?query=mutation{do{ok}}")) == {"data": {"hello": "hello you"}}
    assert done == []


def test_a_mutation_is_done_by_post_and_refused_by_get() -> None:
    done.clear()

    assert get(query="mutation { do { ok } }").status_code == 405
    assert done == []
    assert content(post({"query": "mutation { do { ok } }"})) == {"data": {"do": {"ok": True}}}
    assert done == ["done"]


def test_a_query_may_come_by_get_with_its_variables() -> None:
    query = "query Q($n: String) { hello(name: $n) } query P { hello }"

    assert content(get(query=query, variables='{"n": "me"}', operationName="Q", extensions="{}")) == {"data": {"hello": "hello me"}}
    assert get(query=query, variables="{", operationName="Q").status_code == 400
    assert get(query=query, variables="[" * 100_000, operationName="Q").status_code == 400
    assert get().status_code == 400


@pytest.mark.parametrize("name", ["query", "operationName", "variables", "extensions"])
@pytest.mark.parametrize("wrong", [0, 1, False, True, ["a"], {"a": 1}, "text", 1.5])
def test_a_parameter_of_another_type_is_refused(name: str, wrong: Any) -> None:
    if isinstance(wrong, str if name in ("query", "operationName") else dict):
        return

    assert post({"query": "{ hello }", name: wrong}).status_code == 400
    if name != "query":
        assert post({"query": "{ hello }", name: None}).status_code == 200


@pytest.mark.parametrize(
    "body", [b" ", b"{", b"[]", b'[{"query": "{ hello }"}]', b"null", b"\xff", b"[" * 100_000, b"{}", b'{"query": ""}']
)
def test_a_body_that_is_no_request_is_refused_in_graphqls_shape(body: bytes) -> None:
    response = post(body)

    assert (response.status_code, response["Content-Type"]) == (400, f"{JSON}; charset=utf-8")
    assert content(response)["errors"][0]["message"]


def test_a_fault_of_ours_is_an_error_in_graphqls_shape_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise LookupError("no luck")

    monkeypatch.setattr(GraphQLOverHTTPView, "prepare", broken)

    assert list(content(post({"query": "{ hello }"}))) == ["errors"]
