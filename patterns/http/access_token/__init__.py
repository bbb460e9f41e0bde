"""Access tokens: one service signs them, every service verifies them with a public key.

Problem
    With one shared key, each service that verifies tokens can forge them. A plain
    `jwt.decode` accepts other types of token.

Guarantee
    - `Verifier.read` accepts only ES256, a known `kid`, our issuer and audience, type
      at+jwt and all REQUIRED claims, until `exp`.
    - Anything else raises InvalidAccessToken.
    - Public keys cannot sign. Several are valid at once, to replace a key.
    - In production a missing, malformed or development key is refused at startup.

Not guaranteed
    Revocation. Anyone can read the claims. A service can replay a token to another.

Cost
    About 0.1 ms per request.

Use instead
    Authlib or mozilla-django-oidc, with an identity provider. Sessions, for your own
    site.

Source: RFC 8725; RFC 9068.

Use
    # settings.py
    import os
    from patterns.http.access_token import Signer, Verifier
    KEYS = os.environ.get("TOKEN_PUBLIC_KEYS", "")  # DEBUG = True has a key for development
    TOKEN_VERIFIER = Verifier(KEYS, issuer="shop", audience="shop", debug=DEBUG)
    KEY = os.environ.get("TOKEN_SIGNING_KEY", "")  # only where tokens are signed
    TOKEN_SIGNER = Signer(KEY, TOKEN_VERIFIER, debug=DEBUG)
    AUTHENTICATION = "patterns.http.access_token.drf.BearerAuthentication"
    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [AUTHENTICATION]}  # or add to yours
    # your code
    from django.conf import settings
    settings.TOKEN_SIGNER.sign("ann", role="customer")
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.core.exceptions import ImproperlyConfigured

from .keys import ALGORITHM, PrivateKey, PublicKey, checked, jwk, key_id, private_key, public_key

TYPE = "at+jwt"  # in the header: no other JWT of the same issuer is taken for an access token
REQUIRED = ["iss", "aud", "sub", "iat", "exp", "jti"]
MAX_CHARACTERS = 4096  # ours have about 400; nothing longer is decoded


class InvalidAccessToken(Exception):
    """Not a valid access token. No reason is given: clients react to all in the same way."""


@dataclass(frozen=True)
class Verifier:
    """Reads tokens. `public_keys`: the base64url of each key's DER form, joined by commas."""

    public_keys: str
    issuer: str
    audience: str
    debug: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    keys: dict[str, PublicKey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        texts = checked("TOKEN_PUBLIC_KEYS", self.public_keys, self.debug).split(",")
        keys = [public_key(text.strip()) for text in texts]
        object.__setattr__(self, "keys", {key_id(key): key for key in keys})

    def read(self, token: str) -> dict[str, Any]:
        """The claims. Raises InvalidAccessToken."""
        if len(token) > MAX_CHARACTERS:
            raise InvalidAccessToken
        # PyJWT compares `exp` with its own clock. Ours does it below.
        options: Any = {"require": REQUIRED, "verify_exp": False, "verify_iat": False}
        try:
            header = jwt.get_unverified_header(token)
            key = self.keys[header["kid"]]
            claims = jwt.decode(  # never the algorithm that the token names: alg=none is one
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=self.audience,
                options=options,
            )
        # ValueError: a lone surrogate. RecursionError: a header of nested brackets.
        except (jwt.PyJWTError, KeyError, ValueError, RecursionError) as error:
            raise InvalidAccessToken from error
        is_in_time = type(claims["exp"]) is int and claims["exp"] > self.clock().timestamp()
        # The subject may be looked up next, and PostgreSQL stores neither NUL nor lone surrogates.
        if header.get("typ") != TYPE or not is_in_time or not claims["sub"].isprintable():
            raise InvalidAccessToken
        return claims

    def read_header(self, authorization: str) -> dict[str, Any] | None:
        """The claims of `Bearer <token>`; None for another scheme."""
        scheme, _, token = authorization.partition(" ")
        return self.read(token.strip()) if scheme.lower() == "bearer" else None

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK Set (RFC 7517), for /.well-known/jwks.json."""
        return {"keys": [jwk(key) for key in self.keys.values()]}


@dataclass(frozen=True)
class Signer:
    """Signs tokens that `verifier` accepts. `key`: the base64url of the private key's DER form."""

    key: str = field(repr=False)
    verifier: Verifier
    lifetime: timedelta = timedelta(minutes=10)  # how long a stolen token is valid
    debug: bool = False
    private: PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = private_key(checked("TOKEN_SIGNING_KEY", self.key, self.debug))
        if key_id(key.public_key()) not in self.verifier.keys:
            message = "TOKEN_PUBLIC_KEYS does not contain the public key of TOKEN_SIGNING_KEY"
            raise ImproperlyConfigured(message)
        object.__setattr__(self, "private", key)

    def sign(self, subject: str, **claims: str) -> str:
        now = int(self.verifier.clock().timestamp())
        standard = {
            "iss": self.verifier.issuer,
            "aud": self.verifier.audience,
            "sub": subject,
            "iat": now,
            "exp": now + int(self.lifetime.total_seconds()),
            "jti": str(uuid.uuid4()),
        }
        header = {"kid": key_id(self.private.public_key()), "typ": TYPE}
        return jwt.encode({**claims, **standard}, self.private, ALGORITHM, header)
