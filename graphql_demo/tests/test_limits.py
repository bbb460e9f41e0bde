"""The cost of an operation, the size of a request, and errors that are the client's."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

from community.models import Product, Review
from tests.conftest import Ask
from tests.test_posting import GOOD

JSON = "application/json"
NESTED = "edges { node { comments(first: $n) { edges { node { body } } } } }"
BULK = """postReviews(input: {reviews: $rows}) {
    results { review { id } userErrors { code } } userErrors { code }
}"""


@pytest.fixture
def no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def codes(answer: Any) -> set[str]:
    assert "data" not in answer, answer
    return {error["extensions"]["code"] for error in answer["errors"]}


def post(client: Client, **body: Any) -> Any:
    return client.post("/graphql/", body, content_type=JSON).json()


@pytest.mark.parametrize(
    "request_body",
    [
        {"operationName": "", "variables": {"n": 100}},
        {"operationName": None, "variables": {"n": 100}},
        {"operationName": "Q", "variables": {"n": 100}},
        {"variables": {"n": 100}},
        {"variables": {"n": 100.0}},  # GraphQL's Int takes it
        {"variables": {"n": 100, "unknown": 1}},
    ],
)
@pytest.mark.parametrize("definition", ["$n: Int", "$n: Int = 1", "$n: Int!", "$n: Int! = 1"])
def test_the_cost_is_that_of_what_would_be_executed(
    client: Client, db: None, request_body: dict[str, Any], definition: str, django_assert_num_queries: Any
) -> None:
    query = f"query Q({definition}) {{ reviews(first: $n) {{ {NESTED} }} }}"
    with django_assert_num_queries(0):
        answer = post(client, query=query, **request_body)

    assert codes(answer) == {"QUERY_TOO_LARGE"}


def test_the_cost_of_a_default_is_that_of_what_would_be_executed(client: Client, db: None) -> None:
    query = f"query Q($n: Int = 100) {{ reviews(first: $n) {{ {NESTED} }} }} query P {{ __typename }}"

    for body in ({"operationName": "Q"}, {"operationName": "Q", "variables": {}}, {"operationName": "Q", "variables": None}):
        assert codes(post(client, query=query, **body)) == {"QUERY_TOO_LARGE"}
    assert post(client, query=query, operationName="P") == {"data": {"__typename": "Query"}}
    assert codes(post(client, query=query, operationName="")) == {"GRAPHQL_VALIDATION_FAILED"}


def test_the_cost_is_limited_by_get_too(client: Client, db: None) -> None:
    query = f"query Q($n: Int) {{ reviews(first: $n) {{ {NESTED} }} }}"
    answer = client.get("/graphql/", {"query": query, "variables": '{"n": 100}', "operationName": ""}).json()

    assert codes(answer) == {"QUERY_TOO_LARGE"}


def test_aliases_of_a_bulk_mutation_over_one_variable_are_refused(client: Client, users: list[Any], django_assert_num_queries: Any) -> None:
    client.force_login(users[0])
    aliases = " ".join(f"a{n}: {BULK}" for n in range(15))
    rows = [GOOD] * 100
    with django_assert_num_queries(2):  # the session and its user
        answer = post(client, query=f"mutation ($rows: [PostReviewInput!]!) {{ {aliases} }}", variables={"rows": rows})

    assert codes(answer) == {"QUERY_TOO_LARGE"}


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_bulk_mutation_costs_the_same_statements_for_any_number_of_rows(
    client: Client, users: list[Any], count: int, django_assert_num_queries: Any
) -> None:
    products = Product.objects.bulk_create(Product(sku=f"S{n}", name="Mug", price=1) for n in range(count))
    rows = [GOOD | {"sku": product.sku} for product in products]
    client.force_login(users[0])
    # session and user; BEGIN as a savepoint, products, own reviews, insert, check, events, RELEASE
    with django_assert_num_queries(2 + 7):
        answer = post(client, query=f"mutation ($rows: [PostReviewInput!]!) {{ {BULK} }}", variables={"rows": rows})

    assert answer["data"]["postReviews"]["userErrors"] == []
    assert Review.objects.count() == count


@pytest.mark.parametrize("size", [100_000, 900_000])
def test_a_body_that_is_too_large_is_refused(client: Client, db: None, size: int) -> None:
    body = {"query": "query ($n: [PostReviewInput!]) { __typename }", "variables": {"n": ["x" * size]}}
    answer = client.post("/graphql/", body, content_type=JSON)

    assert answer.status_code == 413
    assert codes(answer.json()) == {"BAD_REQUEST"}


def test_a_body_beyond_the_services_limit_is_not_read(client: Client) -> None:
    answer = client.post("/graphql/", b"x" * 2_400_000, content_type=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


NULLS = {
    "query ($n: Int) { reviews(first: $n) { edges { cursor } } }": ["reviews"],
    "query ($n: Int = 2) { products(first: $n) { edges { cursor } } }": ["products"],
    "query ($n: ReviewOrder) { reviews(orderBy: $n) { edges { cursor } } }": ["reviews"],
    "query ($n: ReviewFilter) { reviews(filter: $n) { edges { cursor } } }": ["reviews"],
    "query ($n: Int) { reviews { edges { node { comments(first: $n) { edges { cursor } } } } } }": ["comments"],
    "query ($n: Boolean = true) { reviews @include(if: $n) { edges { cursor } } }": [],
    "query ($n: Boolean = true) { reviews { edges { cursor @skip(if: $n) } } }": [],
    "query ($n: Boolean = true) { ...F @skip(if: $n) } fragment F on Query { me { username } }": [],
}


@pytest.mark.usefixtures("no_error_is_logged")
@pytest.mark.parametrize("query", NULLS)
def test_a_null_for_a_required_argument_is_a_clients_error(ask: Ask, reviews: list[Review], query: str) -> None:
    _, answer = ask(query, n=None)

    assert codes(answer) == {"BAD_USER_INPUT"}
    assert "must not be null" in answer["errors"][0]["message"]


@pytest.mark.usefixtures("no_error_is_logged")
@pytest.mark.parametrize(
    "bad",
    [
        *({"extensions": {"persistedQuery": bad}} for bad in ("x", 5, True, [], ["x"], {}, {"sha256Hash": 5}, {"sha256Hash": None})),
        *({"documentId": bad} for bad in (5, True, [], {}, ["x"])),
        {"extensions": "x"},
        {"variables": "x"},
        {"operationName": ["x"]},
    ],
    ids=json.dumps,
)
def test_malformed_parameters_are_a_clients_error(client: Client, db: None, bad: dict[str, Any]) -> None:
    assert codes(post(client, query="{ __typename }", **bad)) <= {"BAD_USER_INPUT", "BAD_REQUEST"}
