from typing import Any

import pytest
from django.test import Client

from community.models import Review
from tests.attacks import ATTACKS

LARGE = [
    name
    for name in ATTACKS
    if name.startswith(("depth", "aliases", "directives", "lists in", "tokens", "characters", "a list", "the same"))
]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_and_costs_no_query(client: Client, reviews: list[Review], name: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.post("/graphql/", ATTACKS[name], content_type="application/json")

    assert answer.status_code in (200, 400)
    assert "data" not in answer.json()
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} <= {
        "QUERY_TOO_LARGE",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "BAD_REQUEST",
        "BAD_USER_INPUT",
    }


@pytest.mark.parametrize("name", sorted(set(LARGE) - {"depth, of an introspection", "depth, of an input"}))
def test_a_bomb_is_refused_for_its_size(client: Client, name: str) -> None:
    answer = client.post("/graphql/", ATTACKS[name], content_type="application/json")

    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"QUERY_TOO_LARGE"}
