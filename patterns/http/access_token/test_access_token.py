"""The pattern without a service: genuine and forged tokens, a fixed clock, and its DRF class."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from rest_framework.permissions import IsAdminUser, IsAuthenticated
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from . import InvalidAccessToken, Signer, Verifier
from .drf import BearerAuthentication
from .keys import DEVELOPMENT_KEY, key_id, new_pair, private_key, public_key

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PRIVATE, PUBLIC = new_pair()
OTHER_PRIVATE, OTHER_PUBLIC = new_pair()
KID = key_id(public_key(PUBLIC))
GOOD = {
    "iss": "shop",
    "aud": "shop",
    "sub": "ann",
    "iat": int(NOON.timestamp()),
    "exp": int(NOON.timestamp()) + 600,
    "jti": "1",
}


def verifier(keys: str = PUBLIC, **changes: Any) -> Verifier:
    return Verifier(
        keys, **{"issuer": "shop", "audience": "shop", "clock": lambda: NOON, **changes}
    )


def signed(
    key: Any = PRIVATE,
    algorithm: str = "ES256",
    without: str = "",
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token with the given faults. Without any it is genuine."""
    payload = {name: value for name, value in (GOOD | claims).items() if name != without}
    secret = private_key(key) if algorithm == "ES256" else key
    headers = {"kid": KID, "typ": "at+jwt"} | (header or {})
    # jwt.encode itself refuses some of the claims that we send
    return jwt.PyJWS().encode(json.dumps(payload).encode(), secret, algorithm, headers)


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(payload: Any = GOOD, **header: Any) -> str:
    return f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': KID} | header)}.{part(payload)}."


def hmac_with_the_public_key(form: str) -> str:
    """The algorithm confusion attack: everybody knows the public key. PyJWT refuses to make it."""
    key = public_key(PUBLIC)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = {"pem": pem, "setting": PUBLIC.encode()}[form]
    message = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': KID})}.{part(GOOD)}"
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(message.encode(), secret))
    return f"{message}.{signature.decode().rstrip('=')}"


def test_a_signed_token_is_accepted() -> None:
    token = Signer(PRIVATE, verifier()).sign("ann", role="staff")

    claims = verifier().read(token)
    assert claims == GOOD | {"role": "staff", "jti": claims["jti"]}
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "at+jwt", "kid": KID}


def test_each_token_has_its_own_id() -> None:
    signer = Signer(PRIVATE, verifier())

    assert len({verifier().read(signer.sign("ann"))["jti"] for _ in range(3)}) == 3


def test_a_given_claim_never_replaces_a_standard_one() -> None:
    token = Signer(PRIVATE, verifier()).sign("ann", iss="evil", aud="evil")

    assert verifier().read(token)["iss"] == "shop"


@pytest.mark.parametrize(
    ("seconds", "is_valid"), [(0, True), (599, True), (600, False), (10**9, False)]
)
def test_a_token_is_valid_until_it_expires(seconds: int, is_valid: bool) -> None:
    later = verifier(clock=lambda: NOON + timedelta(seconds=seconds))

    if is_valid:
        assert later.read(signed())
    else:
        with pytest.raises(InvalidAccessToken):
            later.read(signed())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rubbish",
        "a.b.c",
        "ü.ü.ü",
        "\ud800",
        "é" * 5000,
        base64.urlsafe_b64encode(b"[" * 2900).decode() + ".e30.e30",
        signed()[:-2],
        signed() + "x",
        unsigned(),
        unsigned(alg="None"),
        unsigned(alg="ES256"),
        f"{part([])}.{part(GOOD)}.",
        f"{signed().split('.')[0]}.{part(GOOD | {'sub': 'admin'})}.{signed().split('.')[2]}",
        signed(key=OTHER_PRIVATE),
        signed(key=OTHER_PRIVATE, header={"kid": key_id(public_key(OTHER_PUBLIC))}),
        signed(header={"kid": "unknown"}),
        signed(header={"kid": ""}),
        signed(header={"typ": "JWT"}),
        signed(header={"typ": "refresh+jwt"}),
        hmac_with_the_public_key("pem"),
        hmac_with_the_public_key("setting"),
        signed(key="x" * 64, algorithm="HS256"),
        signed(iss="evil"),
        signed(iss=["shop"]),
        signed(aud="another service"),
        signed(aud=[]),
        signed(sub="a\x00b"),
        signed(sub="\ud800"),
        signed(sub=7),
        signed(exp="later"),
        signed(exp=str(GOOD["exp"])),
        signed(exp=True),
        signed(exp=1e300),
        signed(exp=float("inf")),
        signed(exp=GOOD["iat"]),
        signed(nbf=10**11),
        signed(role="x" * 5000),
        *[signed(without=claim) for claim in GOOD],
        *[signed(**{claim: None}) for claim in GOOD],
    ],
)
def test_any_other_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidAccessToken):
        verifier().read(token)


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}])
def test_a_key_id_that_is_not_text_is_refused(kid: Any) -> None:
    token = f"{part({'alg': 'ES256', 'typ': 'at+jwt', 'kid': kid})}.{signed().split('.', 1)[1]}"

    with pytest.raises(InvalidAccessToken):
        verifier().read(token)


def test_a_token_without_a_key_id_is_refused() -> None:
    token = f"{part({'alg': 'ES256', 'typ': 'at+jwt'})}.{signed().split('.', 1)[1]}"

    with pytest.raises(InvalidAccessToken):
        verifier().read(token)


def test_while_a_key_is_replaced_tokens_of_both_keys_are_accepted() -> None:
    both = verifier(f"{PUBLIC},{OTHER_PUBLIC}")
    old, new = Signer(PRIVATE, both).sign("ann"), Signer(OTHER_PRIVATE, both).sign("ann")

    assert [both.read(token)["sub"] for token in (old, new)] == ["ann", "ann"]
    with pytest.raises(InvalidAccessToken):
        verifier(OTHER_PUBLIC).read(old)


def test_a_signer_whose_tokens_nobody_accepts_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="TOKEN_PUBLIC_KEYS does not contain"):
        Signer(OTHER_PRIVATE, verifier())


def test_the_published_keys_verify_a_token_and_contain_nothing_private() -> None:
    both = verifier(f"{PUBLIC},{OTHER_PUBLIC}")
    token = Signer(PRIVATE, both).sign("ann")
    published = json.loads(json.dumps(both.jwks()))

    keys = jwt.PyJWKSet.from_dict(published)
    assert (
        jwt.decode(token, keys[KID], audience="shop", options={"verify_iat": False})["sub"] == "ann"
    )
    assert [sorted(key) for key in published["keys"]] == [
        ["alg", "crv", "kid", "kty", "use", "x", "y"]
    ] * 2


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    x, y = (
        "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    )
    key = jwt.PyJWK({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256"}).key

    # the key and its thumbprint of RFC 9449, sections 4.1 and 6.1
    assert key_id(key) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def rsa_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    return forms(key)


def p384_pair() -> tuple[str, str]:
    return forms(ec.generate_private_key(ec.SECP384R1()))


def forms(key: Any) -> tuple[str, str]:
    """A pair of another kind than ES256 needs, in the form of the settings."""
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private_text, public_text = (
        base64.urlsafe_b64encode(each).decode() for each in (private, public)
    )
    return private_text.rstrip("="), public_text.rstrip("=")


@pytest.mark.parametrize(
    "keys",
    [
        "",
        ",",
        f"{PUBLIC},",
        "no key",
        PUBLIC[:-4],
        PRIVATE,
        rsa_pair()[1],
        p384_pair()[1],
        DEVELOPMENT_KEY,
        "é",
    ],
)
def test_a_verifier_refuses_a_missing_or_malformed_key_and_names_the_setting(keys: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TOKEN_PUBLIC_KEYS"):
        verifier(keys)


@pytest.mark.parametrize(
    "key", ["", "no key", PRIVATE[:-4], PUBLIC, rsa_pair()[0], p384_pair()[0], DEVELOPMENT_KEY, "é"]
)
def test_a_signer_refuses_a_missing_or_malformed_key_and_names_the_setting(key: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TOKEN_SIGNING_KEY"):
        Signer(key, verifier())


def test_debug_mode_has_a_key_pair_that_production_refuses() -> None:
    signer = Signer("", verifier("", debug=True), debug=True)

    assert verifier(DEVELOPMENT_KEY, debug=True).read(signer.sign("ann"))["sub"] == "ann"
    with pytest.raises(InvalidAccessToken):
        verifier().read(signer.sign("ann"))


def test_no_private_key_is_in_a_repr() -> None:
    assert PRIVATE not in repr(Signer(PRIVATE, verifier()))


class Who(APIView):
    authentication_classes = [BearerAuthentication]
    permission_classes = [IsAuthenticated]

    def get(self, request: Any) -> Response:
        return Response({"name": request.user.username, "claims": sorted(request.auth)})


class StaffOnly(Who):
    permission_classes = [IsAdminUser]


class Open(Who):
    permission_classes = []

    def get(self, request: Any) -> Response:
        return Response({})


def get(view: type[APIView], authorization: str | None) -> Any:
    headers = {} if authorization is None else {"Authorization": authorization}
    with override_settings(TOKEN_VERIFIER=verifier()):
        return view.as_view()(APIRequestFactory().get("/", headers=headers))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_view_sees_the_user_of_the_token(scheme: str) -> None:
    answer = get(Who, f"{scheme} {signed()}")

    assert (answer.status_code, answer.data) == (200, {"name": "ann", "claims": sorted(GOOD)})


@pytest.mark.parametrize(
    ("role", "status"),
    [("staff", 200), ("admin", 200), ("customer", 403), (None, 403), (["staff"], 403)],
)
def test_the_role_in_the_token_decides_who_is_staff(role: Any, status: int) -> None:
    assert get(StaffOnly, f"Bearer {signed(role=role)}").status_code == status


@pytest.mark.parametrize("token", ["rubbish", "", "two words", signed(key=OTHER_PRIVATE)])
def test_an_invalid_token_is_refused_even_by_an_open_view(token: str) -> None:
    for view in (Who, Open):
        answer = get(view, f"Bearer {token}")
        assert answer.status_code == 401
        assert answer.data["detail"].code == "invalid_token"
        assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer", signed()])
def test_without_a_bearer_token_the_challenge_names_no_error(authorization: str | None) -> None:
    answer = get(Who, authorization)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert ("error" in answer["WWW-Authenticate"]) == (authorization == "Bearer")
