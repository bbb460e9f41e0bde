"""Bearer tokens: those that rest_demo signs, and every other one."""

import base64
import json
import logging
import time
from typing import Any

import jwt
import pytest
from django.test import Client

from labkit.tokens import access_token, signer
from patterns.http.access_token.keys import new_pair, private_key

ME = '{"query": "{ me { username } }"}'

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("customer", password="a password")


def claims(**changed: Any) -> dict[str, Any]:
    """As rest_demo makes them."""
    now = int(time.time())
    made = {"iss": "nexus", "aud": "nexus", "sub": "customer", "role": "customer", "iat": now, "exp": now + 600, "jti": "1"}
    return {name: value for name, value in (made | changed).items() if value is not None}


def signed(key: Any = None, header: dict[str, str] | None = None, **changed: Any) -> str:
    token = access_token("customer")
    headers = {"typ": "at+jwt", "kid": jwt.get_unverified_header(token)["kid"], **(header or {})}
    return jwt.encode(claims(**changed), key or signer().private, "ES256", headers)


def unsigned() -> str:
    _, payload, _ = signed().split(".")
    none = {"typ": "at+jwt", "alg": "none", "kid": jwt.get_unverified_header(signed())["kid"]}
    return f"{base64.urlsafe_b64encode(json.dumps(none).encode()).decode().rstrip('=')}.{payload}."


def ask(client: Client, token: str, scheme: str = "Bearer") -> Any:
    return client.post("/graphql/", ME, content_type="application/json", headers={"Authorization": f"{scheme} {token}"})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_of_rest_demo_is_its_members_login(client: Client, customer: Any, scheme: str) -> None:
    for token in (access_token("customer"), signed()):
        answer = ask(client, token, scheme)

        assert (answer.status_code, answer.json()) == (200, {"data": {"me": {"username": "customer"}}})


BAD: dict[str, str] = {
    "another key": signed(private_key(new_pair()[0])),
    "an unknown key id": signed(header={"kid": "unknown"}),
    "no signature": unsigned(),
    "another algorithm": jwt.encode(claims(), "x" * 64, "HS256", {"typ": "at+jwt"}),
    "expired": signed(exp=int(time.time()) - 1),
    "not yet": signed(nbf=int(time.time()) + 900),
    "a refresh token": signed(header={"typ": "refresh+jwt"}),
    "another issuer": signed(iss="somebody"),
    "another audience": signed(aud="somebody"),
    "nobody": signed(sub="nobody"),
    "NUL": signed(sub="\x00"),
    "cut": signed()[:-4],
    "rubbish": "rubbish",
    "empty": "",
    **{f"without {name}": signed(**{name: None}) for name in ("iss", "aud", "sub", "iat", "exp", "jti")},
}


@pytest.mark.parametrize("name", BAD)
def test_any_other_token_is_refused_with_the_same_words(client: Client, customer: Any, name: str) -> None:
    answer = ask(client, BAD[name])

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    [error] = answer.json()["errors"]
    assert error == {"message": "The access token is invalid or expired.", "extensions": {"code": "UNAUTHENTICATED"}}


def test_a_bad_token_is_not_a_visitor_even_with_a_session(client: Client, customer: Any) -> None:
    client.force_login(customer)

    assert ask(client, BAD["expired"]).status_code == 401
    assert ask(client, "x", "Basic").status_code == 401


def test_a_deactivated_members_token_is_refused_at_once(client: Client, customer: Any) -> None:
    token = access_token("customer")
    assert ask(client, token).status_code == 200

    customer.is_active = False
    customer.save()

    assert ask(client, token).status_code == 401


def test_a_role_in_the_token_gives_no_rights(client: Client, customer: Any, reviews: Any) -> None:
    from graphql_relay import to_global_id

    token = access_token("customer", role="admin")
    mutation = "mutation ($id: ID!) { deleteReview(input: {reviewId: $id}) { userErrors { code } } }"
    body = {"query": mutation, "variables": {"id": to_global_id("Review", str(reviews[0].pk))}}

    answer = client.post("/graphql/", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})

    assert answer.json()["data"]["deleteReview"]["userErrors"] == [{"code": "FORBIDDEN"}]


def test_neither_tokens_nor_passwords_are_logged(client: Client, customer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = access_token("customer")
    for each in (token, BAD["another key"], BAD["expired"]):
        ask(client, each)
    for password in ("a password", "a wrong password"):
        client.post("/login/", {"username": "customer", "password": password})

    logged = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "401" in logged or "Unauthorized" in logged
    for secret in (token, BAD["another key"], BAD["expired"], "a password", "a wrong password"):
        assert secret not in logged
