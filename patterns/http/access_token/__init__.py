"""Access tokens: short-lived signed claims, verified without asking the service that issued them.

Problem
    `jwt.decode(token, key)` trusts too much: the algorithm that the token names, any
    other JWT signed with the same key, and a token without `exp`, for ever.

Guarantee
    - `read` accepts HS256 with this key only (no alg=none), of this issuer, of type
      "access", with every claim of REQUIRED, until `exp`.
    - Any other text raises InvalidAccessToken, and no other exception.
    - A key below 256 bits is refused at start-up.

Not guaranteed
    Revocation: a token is valid until `exp`, so look the user up where it matters.
    Secrecy: anyone can read the claims. Every service that can verify can also sign. No
    audience, no leeway for clocks.

Cost
    An HMAC per request, about 10 µs; no query.

Use instead
    EdDSA or RS256 with a JWKS, if the verifier is not yours. Authlib or
    mozilla-django-oidc with an identity provider. Sessions, for your own site's browser.
    (Checked 2026-11.)

Source: RFC 8725, sections 3.1, 3.8 and 3.11; RFC 7518, section 3.2.

Use
    # your code
    from datetime import timedelta

    from patterns.http.access_token import AccessTokens

    KEY = "32 random bytes or more, from the environment"
    TOKENS = AccessTokens(key=KEY, issuer="shop", lifetime=timedelta(minutes=10))
    token = TOKENS.issue("ann", role="staff")
    assert TOKENS.read(token)["sub"] == "ann"
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

ALGORITHM = "HS256"
REQUIRED = ["iss", "sub", "typ", "iat", "exp", "jti"]
MAX_CHARACTERS = 4096  # ours have about 300: nothing longer is decoded


class InvalidAccessToken(Exception):
    """Forged, malformed or expired. Clients do the same in each case, so no reason is given."""


@dataclass(frozen=True)
class AccessTokens:
    """Services that trust each other have the same `key` and `issuer`."""

    key: str = field(repr=False)
    issuer: str
    lifetime: timedelta

    def __post_init__(self) -> None:
        if len(self.key.encode()) < 32:
            raise ImproperlyConfigured("the key for access tokens has fewer than 32 bytes")

    def issue(self, subject: str, *, now: datetime | None = None, **claims: str) -> str:
        issued_at = int((now or timezone.now()).timestamp())
        standard = {
            "iss": self.issuer,
            "sub": subject,
            "typ": "access",
            "iat": issued_at,
            "exp": issued_at + int(self.lifetime.total_seconds()),
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode({**claims, **standard}, self.key, algorithm=ALGORITHM)

    def read(self, token: str, *, now: datetime | None = None) -> dict[str, Any]:
        """The claims. Raises InvalidAccessToken."""
        if len(token) > MAX_CHARACTERS:
            raise InvalidAccessToken
        # `exp` is compared below, with `now`
        options: Any = {"require": REQUIRED, "verify_exp": False, "verify_iat": False}
        try:
            # never the algorithm that the token names: with alg=none everybody could sign
            claims = jwt.decode(token, self.key, algorithms=[ALGORITHM], issuer=self.issuer, options=options)
        except (jwt.PyJWTError, ValueError) as error:  # ValueError: a lone surrogate
            raise InvalidAccessToken from error
        expires_at, seconds = claims["exp"], (now or timezone.now()).timestamp()
        is_valid = type(expires_at) is int and expires_at > seconds
        # printable: the subject is looked up next, and PostgreSQL refuses NUL and surrogates
        if claims["typ"] != "access" or not is_valid or not claims["sub"].isprintable():
            raise InvalidAccessToken
        return claims
