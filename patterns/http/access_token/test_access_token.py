import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured

from . import AccessTokens, InvalidAccessToken

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEY = "a key of at least thirty-two bytes"
GOOD = {"iss": "nexus", "sub": "ann", "typ": "access", "iat": int(NOON.timestamp()), "exp": int(NOON.timestamp()) + 600, "jti": "1"}


def tokens(**changes: Any) -> AccessTokens:
    return AccessTokens(**({"key": KEY, "issuer": "nexus", "lifetime": timedelta(minutes=10)} | changes))


def read(token: str, **changes: Any) -> dict[str, Any]:
    return tokens(**changes).read(token, now=NOON)


def signed(key: str = KEY, algorithm: str = "HS256", without: str = "", **claims: Any) -> str:
    payload = json.dumps({name: value for name, value in (GOOD | claims).items() if name != without})
    return jwt.PyJWS().encode(payload.encode(), key, algorithm=algorithm)  # jwt.encode itself refuses some of what we send


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def test_what_was_issued_is_read() -> None:
    token = tokens().issue("ann", now=NOON, role="staff")

    claims = read(token)
    assert claims == GOOD | {"role": "staff", "jti": claims["jti"]}
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}


def test_each_token_has_an_id_of_its_own() -> None:
    first, second = (read(tokens().issue("ann", now=NOON))["jti"] for _ in range(2))

    assert first != second


def test_no_given_claim_replaces_a_standard_one() -> None:
    assert read(tokens().issue("ann", now=NOON, iss="evil", typ="refresh"))["iss"] == "nexus"


def test_a_token_that_another_service_signed_with_the_key_is_read() -> None:
    assert read(signed()) == GOOD


@pytest.mark.parametrize(("seconds", "is_good"), [(0, True), (599, True), (600, False), (10**9, False)])
def test_a_token_is_good_until_it_expires(seconds: int, is_good: bool) -> None:
    later = NOON + timedelta(seconds=seconds)

    if is_good:
        assert tokens().read(signed(), now=later)
    else:
        with pytest.raises(InvalidAccessToken):
            tokens().read(signed(), now=later)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "a.b.c",
        "ü.ü.ü",
        "\ud800",
        "é" * 5000,
        signed()[:-2],
        signed() + "x",
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(GOOD)}.",
        f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(GOOD)}.",
        f"{part({'typ': 'JWT'})}.{part(GOOD)}.",
        f"{part([])}.{part(GOOD)}.",
        f"{signed().split('.')[0]}.{part(GOOD | {'sub': 'admin'})}.{signed().split('.')[2]}",
        signed(key="another key of at least thirty-two bytes"),
        signed(key=KEY * 2, algorithm="HS512"),
        signed(iss="evil"),
        signed(iss=["nexus"]),
        signed(typ="refresh"),
        signed(typ=["access"]),
        signed(aud="another service"),
        signed(sub="a\x00b"),
        signed(sub="\ud800"),
        signed(exp="later"),
        signed(exp=str(GOOD["exp"])),
        signed(exp=True),
        signed(exp=1e300),
        signed(exp=float("inf")),
        signed(exp=GOOD["iat"]),
        *[signed(without=claim) for claim in GOOD],
        *[signed(**{claim: None}) for claim in GOOD],
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidAccessToken):
        read(token)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_also_under_the_right_key(algorithm: str) -> None:
    long_key = KEY * 2

    with pytest.raises(InvalidAccessToken):
        read(signed(key=long_key, algorithm=algorithm), key=long_key)


def test_what_is_overlong_is_not_decoded() -> None:
    with pytest.raises(InvalidAccessToken):
        read(signed(role="x" * 5000))


@pytest.mark.parametrize("key", ["", "x" * 31])
def test_a_short_key_is_refused(key: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        tokens(key=key)


def test_the_key_is_not_in_the_repr() -> None:
    assert KEY not in repr(tokens())
