"""The pattern alone: a schema of one field. The audits are in graphql_demo's tests."""

import json
from typing import Any

import graphene
import pytest
from django.http import HttpResponseBase
from django.test import RequestFactory, override_settings

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
    return view(
        RequestFactory().generic("POST", url, data, content_type=content_type, headers=headers)
    )


def get(accept: str = "*/*", **query: str) -> HttpResponseBase:
    return view(RequestFactory().get("/", query, headers={"Accept": accept}))


def content(response: Any) -> Any:
    return json.loads(response.content)


BROKEN = [
    {"query": "{"},
    {"query": "{ unknown }"},
    {"query": "query ($n: Int!) { hello }", "variables": {"n": "x"}},
]


@pytest.mark.parametrize(
    "accept", [JSON, "*/*", "text/plain, */*", f"{JSON}, {GRAPHQL_RESPONSE};q=0.9", ";;;,,/", ""]
)
def test_a_client_that_accepts_json_or_anything_gets_json_and_200(accept: str) -> None:
    for body in ({"query": "{ hello }"}, *BROKEN):
        response = post(body, Accept=accept)

        assert (response.status_code, response["Content-Type"]) == (200, f"{JSON}; charset=utf-8")
        assert "Accept" in response["Vary"]


@pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, f"{GRAPHQL_RESPONSE}, {JSON};q=0.9"])
def test_a_client_that_prefers_the_graphql_response_type_gets_it(
    accept: str,
) -> None:
    good, bad, partial = (
        post({"query": "{ hello }"}, Accept=accept),
        [post(body, Accept=accept) for body in BROKEN],
        post({"query": "{ must }"}, Accept=accept),
    )

    assert {response["Content-Type"] for response in (good, partial, *bad)} == {
        f"{GRAPHQL_RESPONSE}; charset=utf-8"
    }
    assert [response.status_code for response in (good, partial, *bad)] == [200, 200, 400, 400, 400]
    assert all("data" not in content(response) for response in bad)
    assert content(partial)["data"] is None


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
    ],
)
def test_a_mutation_in_a_form_or_text_body_is_refused(content_type: str) -> None:
    done.clear()
    for url in ("/", "/?query=mutation{do{ok}}"):
        response = post({"query": "mutation { do { ok } }"}, content_type, url)

        assert response.status_code == 415
        assert content(response)["errors"][0]["message"]
    assert done == []


def test_a_post_takes_parameters_only_from_its_body() -> None:
    done.clear()

    assert post({}, url="/?query=mutation{do{ok}}").status_code == 400
    assert content(post({"query": "{ hello }"}, url="/?query=mutation{do{ok}}")) == {
        "data": {"hello": "hello you"}
    }
    assert done == []


def test_a_mutation_is_executed_by_post_and_refused_by_get() -> None:
    done.clear()

    assert get(query="mutation { do { ok } }").status_code == 405
    assert done == []
    assert content(post({"query": "mutation { do { ok } }"})) == {"data": {"do": {"ok": True}}}
    assert done == ["done"]


def test_a_query_can_be_sent_by_get_with_variables() -> None:
    query = "query Q($n: String) { hello(name: $n) } query P { hello }"

    assert content(
        get(query=query, variables='{"n": "me"}', operationName="Q", extensions="{}")
    ) == {"data": {"hello": "hello me"}}
    assert get(query=query, variables="{", operationName="Q").status_code == 400
    assert get(query=query, variables="[" * 100_000, operationName="Q").status_code == 400
    assert get().status_code == 400


@pytest.mark.parametrize("name", ["query", "operationName", "variables", "extensions"])
@pytest.mark.parametrize("wrong", [0, 1, False, True, ["a"], {"a": 1}, "text", 1.5])
def test_a_parameter_of_a_wrong_type_is_refused(name: str, wrong: Any) -> None:
    if isinstance(wrong, str if name in ("query", "operationName") else dict):
        return

    assert post({"query": "{ hello }", name: wrong}).status_code == 400
    if name != "query":
        assert post({"query": "{ hello }", name: None}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[]",
        b'[{"query": "{ hello }"}]',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b'{"query": ""}',
    ],
)
def test_a_malformed_body_is_refused_in_graphqls_format(body: bytes) -> None:
    response = post(body)

    assert (response.status_code, response["Content-Type"]) == (400, f"{JSON}; charset=utf-8")
    assert content(response)["errors"][0]["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(chunked: bool) -> None:
    body = {"query": "{ hello }", "variables": {"name": "x" * GraphQLOverHTTPView.max_bytes}}
    request = RequestFactory().post("/", body, content_type=JSON)
    if chunked:  # an ASGI server passes such a body on without its length
        request.META["CONTENT_LENGTH"] = ""
        request._body = json.dumps(body).encode()  # type: ignore[attr-defined]
    response = view(request)

    assert response.status_code == 413
    assert content(response)["errors"][0]["message"]


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
def test_a_body_over_djangos_limit_is_refused_in_graphqls_format() -> None:
    response = post({"query": "{ hello }"})

    assert response.status_code == 413
    assert content(response)["errors"][0]["message"]


@pytest.mark.parametrize("charset", ["undefined", "base64", "utf-16", "cp037", "no-such"])
def test_a_charset_in_the_content_type_changes_nothing(charset: str) -> None:
    content_type = f"{JSON}; charset={charset}"
    request = RequestFactory().generic(
        "GET", "/?query={hello}", content_type=content_type, headers={"Accept": JSON}
    )

    assert content(view(request)) == {"data": {"hello": "hello you"}}
    assert content(post({"query": "{ hello }"}, content_type))["data"]


def test_an_empty_operation_name_counts_as_none() -> None:
    assert content(post({"query": "{ hello }", "operationName": ""}))["data"]
    two = {"query": "query A { hello } query B { hello }", "operationName": ""}
    assert list(content(post(two))) == ["errors"]


def test_an_internal_error_has_graphqls_format_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise LookupError("no luck")

    monkeypatch.setattr(GraphQLOverHTTPView, "prepare", broken)

    assert list(content(post({"query": "{ hello }"}))) == ["errors"]
