"""Bearer tokens: those of this service, those of another with the same key, and all that is none."""

import json
import logging
import time
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import Client

from community.tokens import issue

KEY = settings.TOKEN_SIGNING_KEY
OTHER_KEY = "another key, which is long enough for HS256"
ME = '{"query": "{ me { username } }"}'

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("customer", password="a password")


def claims(**changed: Any) -> dict[str, Any]:
    """As rest_demo makes them."""
    now = int(time.time())
    made = {"iss": "nexus", "sub": "customer", "typ": "access", "role": "customer", "iat": now, "exp": now + 600, "jti": "1"}
    return {name: value for name, value in (made | changed).items() if value is not None}


def ask(client: Client, token: str, scheme: str = "Bearer") -> Any:
    return client.post("/graphql/", ME, content_type="application/json", headers={"Authorization": f"{scheme} {token}"})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_of_the_same_key_is_its_members_login(client: Client, customer: Any, scheme: str) -> None:
    answer = ask(client, jwt.encode(claims(), KEY, "HS256"), scheme)

    assert (answer.status_code, answer.json()) == (200, {"data": {"me": {"username": "customer"}}})


BAD: dict[str, str] = {
    "another key": jwt.encode(claims(), OTHER_KEY, "HS256"),
    "no signature": jwt.encode(claims(), None, "none"),
    "another algorithm": jwt.encode(claims(), KEY * 2, "HS512"),
    "expired": jwt.encode(claims(exp=int(time.time()) - 1), KEY, "HS256"),
    "not yet": jwt.encode(claims(nbf=int(time.time()) + 900), KEY, "HS256"),
    "a refresh token": jwt.encode(claims(typ="refresh"), KEY, "HS256"),
    "another issuer": jwt.encode(claims(iss="somebody"), KEY, "HS256"),
    "nobody": jwt.encode(claims(sub="nobody"), KEY, "HS256"),
    "NUL": jwt.encode(claims(sub="\x00"), KEY, "HS256"),
    "cut": jwt.encode(claims(), KEY, "HS256")[:-4],
    "rubbish": "rubbish",
    "empty": "",
    **{f"without {name}": jwt.encode(claims(**{name: None}), KEY, "HS256") for name in ("iss", "sub", "typ", "iat", "exp", "jti")},
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
    token = issue(customer)
    assert ask(client, token).status_code == 200

    customer.is_active = False
    customer.save()

    assert ask(client, token).status_code == 401


def test_a_role_in_the_token_gives_no_rights(client: Client, customer: Any, reviews: Any) -> None:
    from graphql_relay import to_global_id

    token = jwt.encode(claims(role="admin"), KEY, "HS256")
    mutation = "mutation ($id: ID!) { deleteReview(input: {reviewId: $id}) { userErrors { code } } }"
    body = {"query": mutation, "variables": {"id": to_global_id("Review", str(reviews[0].pk))}}

    answer = client.post("/graphql/", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"})

    assert answer.json()["data"]["deleteReview"]["userErrors"] == [{"code": "FORBIDDEN"}]


def test_the_demo_issues_tokens_of_the_agreed_shape(client: Client, customer: Any) -> None:
    answer = client.post("/auth/token/", {"username": "customer", "password": "a password"}, content_type="application/json").json()

    said = jwt.decode(answer["access"], KEY, ["HS256"], issuer="nexus")
    assert said | {"iat": 0, "exp": 0, "jti": ""} == claims(iat=0, exp=0, jti="")
    assert said["exp"] - said["iat"] == answer["expires_in"] == 600
    assert ask(client, answer["access"]).json()["data"]["me"] == {"username": "customer"}


@pytest.mark.parametrize(
    ("flags", "role"), [({}, "customer"), ({"is_staff": True}, "staff"), ({"is_staff": True, "is_superuser": True}, "admin")]
)
def test_a_token_says_its_members_role(django_user_model: Any, flags: dict[str, bool], role: str) -> None:
    user = django_user_model.objects.create_user("somebody", **flags)
    token = issue(user)

    assert jwt.decode(token, KEY, ["HS256"])["role"] == role


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"{}", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (json.dumps({"username": "customer", "password": "wrong"}).encode(), 401),
        (json.dumps({"username": "customer", "password": ""}).encode(), 401),
        (json.dumps({"username": "nobody", "password": "a password"}).encode(), 401),
        (json.dumps({"username": "\x00", "password": "a password"}).encode(), 401),
        (json.dumps({"username": "\ud800", "password": "a password"}).encode(), 401),
        (json.dumps({"username": {"a": 1}, "password": ["a password"]}).encode(), 401),
    ],
)
def test_no_token_without_the_password(client: Client, customer: Any, body: bytes, status: int) -> None:
    answer = client.post("/auth/token/", body, content_type="application/json")

    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]
    assert client.get("/auth/token/").status_code == 405


def test_neither_tokens_nor_passwords_are_logged(client: Client, customer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = issue(customer)
    for each in (token, BAD["another key"], BAD["expired"]):
        ask(client, each)
    for password in ("a password", "a wrong password"):
        client.post("/auth/token/", {"username": "customer", "password": password}, content_type="application/json")

    logged = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "401" in logged or "Unauthorized" in logged
    for secret in (token, BAD["another key"], BAD["expired"], "a password", "a wrong password", KEY):
        assert secret not in logged
