"""The accounts' doors over HTTP: who gets in, who stays, and what the log knows of it."""

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from patterns.http.access_token.keys import key_id, new_pair, private_key
from patterns.http.refresh_rotation import rotation
from patterns.http.refresh_rotation.models import RefreshFamily
from shop.accounts import access_token_for
from shop.models import Product
from tests.test_error_shapes import log_lines, problem_in

TOKEN, REFRESH, LOGOUT, ME = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/logout/", "/api/v1/me/"
PASSWORD = " a password with spaces around it "
HASH = make_password(PASSWORD)  # once: it takes 50 ms


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create(username="ann", email="ann@example.com", password=HASH)


def log_in(username: str = "ann", password: str = PASSWORD, **extra: Any) -> Any:
    return APIClient().post(TOKEN, {"username": username, "password": password, **extra}, format="json")


def refresh(token: Any) -> Any:
    return APIClient().post(REFRESH, {"refresh": token}, format="json")


def me(token: str) -> Any:
    return APIClient().get(ME, headers={"Authorization": f"Bearer {token}"})


def first_refresh_token(user: User) -> str:
    """Of a login without a password, which takes no time."""
    return rotation.start(user, lifetime=timedelta(days=1), now=timezone.now())


SIGNER = settings.TOKEN_SIGNER
KID = key_id(SIGNER.private.public_key())


def signed(
    without: str = "", key: Any = SIGNER.private, algorithm: str = "ES256", header: dict[str, str] | None = None, **claims: Any
) -> str:
    now = int(time.time())
    good = {"iss": "nexus", "aud": "nexus", "sub": "ann", "role": "customer", "iat": now, "exp": now + 600, "jti": "1"}
    payload = {name: value for name, value in (good | claims).items() if name != without}
    return jwt.encode(payload, key, algorithm, {"typ": "at+jwt", "kid": KID, **(header or {})})


def unsigned() -> str:
    header = {"alg": "none", "typ": "at+jwt", "kid": KID}
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{signed().split('.')[1]}."


def test_from_a_login_to_an_order_to_a_logout(ann: User, mug: Product) -> None:
    first = log_in()
    second = refresh(first.data["refresh"])
    order = APIClient().post(
        "/api/v1/orders/",
        {"lines": [{"sku": mug.sku, "quantity": 1}]},
        format="json",
        headers={"Authorization": f"Bearer {second.data['access']}", "Idempotency-Key": "a key"},
    )
    bye = APIClient().post(LOGOUT, {"refresh": second.data["refresh"]}, format="json")

    assert (first.status_code, second.status_code, order.status_code, bye.status_code) == (200, 200, 201, 204)
    assert list(first.data) == list(second.data) == ["access", "refresh", "token_type", "expires_in"]
    assert (first.data["token_type"], first.data["expires_in"]) == ("Bearer", 600)
    assert first["Cache-Control"] == second["Cache-Control"] == "no-store"
    assert refresh(second.data["refresh"]).status_code == 401


def test_a_login_lasts_thirty_days(ann: User) -> None:
    log_in()

    [family] = RefreshFamily.objects.all()
    assert timedelta(days=29, hours=23) < family.expires_at - timezone.now() <= timedelta(days=30)


def test_the_access_token_says_what_the_other_services_read(ann: User) -> None:
    claims = settings.TOKEN_VERIFIER.read(access_token_for(ann))

    assert sorted(claims) == ["aud", "exp", "iat", "iss", "jti", "role", "sub"]
    assert (claims["iss"], claims["aud"], claims["sub"], claims["role"]) == ("nexus", "nexus", "ann", "customer")
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize(
    ("flags", "role"),
    [({}, "customer"), ({"is_staff": True}, "staff"), ({"is_superuser": True}, "admin")],
)
def test_everybody_is_told_who_they_are(ann: User, flags: dict[str, bool], role: str) -> None:
    User.objects.update(**flags)

    assert me(signed()).data == {"username": "ann", "email": "ann@example.com", "role": role}


def test_a_role_in_the_token_gives_no_right(ann: User, mug: Product) -> None:
    answer = APIClient().patch(
        f"/api/v1/products/{mug.sku}/", {"price": "0.01"}, format="json", headers={"Authorization": f"Bearer {signed(role='admin')}"}
    )

    problem_in(answer, 403)
    assert me(signed(role="admin")).data["role"] == "customer"


def test_passwords_are_hashed_with_argon2_and_old_hashes_become_so_at_a_login(ann: User) -> None:
    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))

    assert identify_hasher(HASH).algorithm == "argon2"
    pair = log_in().data
    ann.refresh_from_db()
    assert identify_hasher(ann.password).algorithm == "argon2"
    assert refresh(pair["refresh"]).status_code == 200


def test_a_wrong_password_and_an_unknown_name_and_a_deactivated_user_are_told_the_same(ann: User) -> None:
    answers = [log_in(password="wrong"), log_in(username="nobody"), log_in(password=PASSWORD.strip())]
    User.objects.update(is_active=False)
    answers.append(log_in())

    bodies = [problem_in(answer, 401) | {"request_id": ""} for answer in answers]
    assert bodies[0]["code"] == "wrong_login"
    assert all(body == bodies[0] for body in bodies)
    assert {answer["WWW-Authenticate"] for answer in answers} == {'Bearer realm="shop"'}


def test_an_unknown_name_costs_a_hash_too(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, password: hashed.append(password))

    log_in(username="nobody")
    assert hashed == [PASSWORD]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        {"username": "ann"},
        {"username": "ann", "password": ""},
        {"username": "ann", "password": None},
        {"username": "ann", "password": ["a"]},
        {"username": ["ann"], "password": "a"},
        {"username": "a\x00nn", "password": "a"},
        {"username": "ann", "password": "a\x00"},
        {"username": "\ud800", "password": "a"},
        {"username": "ann", "password": "\ud800"},
        {"username": "a" * 151, "password": "a"},
        {"username": "ann", "password": "a" * 900_000},
    ],
)
def test_a_malformed_login_is_refused_before_anything_is_hashed(ann: User, body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop.accounts.authenticate", lambda **_: pytest.fail("it came to the hash"))

    problem_in(Client().post(TOKEN, json.dumps(body), content_type="application/json"), 400)


def test_a_nul_is_no_login_for_any_caller_of_the_backend(ann: User) -> None:
    from django.contrib.auth import authenticate

    assert authenticate(username="a\x00nn", password=PASSWORD) is None


def test_extra_fields_change_nothing(ann: User) -> None:
    pair = log_in(is_staff=True, is_superuser=True, role="admin").data
    answer = APIClient().post(REFRESH, {"refresh": pair["refresh"], "role": "admin", "user": 1}, format="json")

    assert me(answer.data["access"]).data["role"] == "customer"
    ann.refresh_from_db()
    assert (ann.is_staff, ann.is_superuser) == (False, False)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_changes_themselves(ann: User, method: str) -> None:
    answer = getattr(APIClient(), method)(ME, {"role": "admin"}, format="json", headers={"Authorization": f"Bearer {signed()}"})

    problem_in(answer, 405)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "two words",
        "\xff\xfe",
        unsigned(),
        signed(key=private_key(new_pair()[0])),
        signed(key="k" * 64, algorithm="HS256"),
        signed(header={"kid": "unknown"}),
        signed(exp=int(time.time()) - 1),
        signed(iss="evil"),
        signed(aud="another service"),
        signed(header={"typ": "refresh+jwt"}),
        signed(sub="nobody"),
        signed(sub="a\x00nn"),
        *[signed(without=claim) for claim in ("iss", "aud", "sub", "iat", "exp", "jti")],
    ],
)
def test_a_false_access_token_is_refused_also_where_none_is_needed(ann: User, mug: Product, token: str) -> None:
    for path in (ME, "/api/v1/products/"):
        answer = APIClient().get(path, headers={"Authorization": f"Bearer {token}"})

        assert problem_in(answer, 401)["code"] == "invalid_token"
        assert answer["WWW-Authenticate"] == 'Bearer realm="shop", error="invalid_token"'


def test_without_a_token_the_401_says_only_how_to_log_in(db: None) -> None:
    answer = APIClient().get(ME)

    assert problem_in(answer, 401)["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"] == 'Bearer realm="shop"'


def test_the_scheme_is_read_in_any_case_and_basic_is_none_of_ours(ann: User) -> None:
    basic = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()

    assert APIClient().get(ME, headers={"Authorization": f"bearer {signed()}"}).status_code == 200
    problem_in(APIClient().get(ME, headers={"Authorization": f"Basic {basic}"}), 401)


def test_a_deactivated_user_is_out_at_once(ann: User) -> None:
    token = first_refresh_token(ann)
    User.objects.update(is_active=False)

    assert problem_in(me(signed()), 401)["code"] == "invalid_token"
    assert problem_in(refresh(token), 401)["code"] == "invalid_refresh_token"


def test_neither_token_is_taken_for_the_other(ann: User) -> None:
    token = first_refresh_token(ann)

    problem_in(me(token), 401)
    problem_in(refresh(signed()), 400)  # longer than any refresh token
    assert refresh(token).status_code == 200


def test_a_used_refresh_token_ends_the_login(ann: User) -> None:
    token = first_refresh_token(ann)
    successor = refresh(token).data["refresh"]

    assert problem_in(refresh(token), 401)["code"] == "invalid_refresh_token"
    problem_in(refresh(successor), 401)


@pytest.mark.parametrize("token", [None, "", [], {}, "a\x00b", "\ud800", "x" * 257])
def test_a_malformed_refresh_token_is_a_400(db: None, token: Any) -> None:
    body = json.dumps({"refresh": token})
    for path in (REFRESH, LOGOUT):
        problem_in(Client().post(path, body, content_type="application/json"), 400)


def test_a_logout_says_the_same_to_everybody(ann: User) -> None:
    token = first_refresh_token(ann)
    answers = [APIClient().post(LOGOUT, {"refresh": each}, format="json") for each in (token, token, "rubbish")]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3
    assert not RefreshFamily.objects.alive(timezone.now()).exists()


def test_an_expired_access_token_is_in_nobodys_way_to_a_new_one(ann: User) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {signed(exp=1)}"})

    assert client.post(REFRESH, {"refresh": first_refresh_token(ann)}, format="json").status_code == 200


def test_no_token_and_no_password_is_in_the_log(ann: User) -> None:
    with log_lines() as lines:
        pair = log_in().data
        log_in(password="a wrong secret")
        log_in(password=f"{PASSWORD}\x00")
        successor = refresh(pair["refresh"]).data
        APIClient().post(f"{REFRESH}nothing/", {"refresh": successor["refresh"]}, format="json")
        me(successor["access"] + "x")
        refresh(pair["refresh"])
        APIClient().post(LOGOUT, {"refresh": successor["refresh"]}, format="json")
        Client().post(TOKEN, f'{{"password": "{PASSWORD}", ', content_type="application/json")

    log = "".join(lines)
    secrets = [PASSWORD.strip(), "a wrong secret", pair["access"], successor["access"], *pair["refresh"].split("."), successor["refresh"]]
    assert "refresh token reuse" in log
    assert "Unauthorized" in log
    assert [secret for secret in secrets if secret in log] == []


def test_an_access_token_costs_one_query(ann: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        me(signed())


def test_the_schema_asks_for_the_bearer_token_and_lists_the_problems(client: Client) -> None:
    schema = json.loads(client.get("/api/schema/?format=json").content)

    assert schema["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert {"bearer": []} in schema["paths"][ME]["get"]["security"]
    assert [schema["paths"][path]["post"]["security"] for path in (TOKEN, REFRESH, LOGOUT)] == [[{}]] * 3
    for path in (TOKEN, REFRESH):
        assert set(schema["paths"][path]["post"]["responses"]) == {"200", "400", "401", "406", "413", "415", "429"}
        assert list(schema["paths"][path]["post"]["responses"]["401"]["content"]) == ["application/problem+json"]


def test_the_public_keys_are_published_and_verify_a_token(ann: User, client: Client) -> None:
    answer = client.get("/.well-known/jwks.json")
    token = access_token_for(ann)

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/jwk-set+json", "public, max-age=300")
    key = jwt.PyJWKSet.from_dict(json.loads(answer.content))[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, audience="nexus", issuer="nexus")["sub"] == "ann"
    assert all("d" not in each for each in json.loads(answer.content)["keys"])
