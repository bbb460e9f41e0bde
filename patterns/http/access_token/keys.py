"""P-256 keys as one line of text, for an environment variable: the base64url of their DER form.

The same text is the body of a PEM file, without line breaks, with - and _ for + and /.
"""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import ECAlgorithm

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey
ALGORITHM = "ES256"
DEVELOPMENT_KEY = "insecure-key-for-debug-mode-only"  # anybody can derive this pair
MALFORMED = "is malformed: it takes P-256 keys, each the base64url of its DER form"


def checked(name: str, value: str, debug: bool) -> str:
    """The value of a setting; in debug mode the development key is its default."""
    if debug:
        return value or DEVELOPMENT_KEY
    if not value or DEVELOPMENT_KEY in value:
        reason = "is missing or the development key: outside debug mode set a key of your own"
        raise ImproperlyConfigured(f"{name} {reason}")
    return value


def private_key(text: str) -> PrivateKey:
    if text == DEVELOPMENT_KEY:
        number = int.from_bytes(hashlib.sha256(text.encode()).digest())
        return ec.derive_private_key(number, ec.SECP256R1())
    try:
        key = serialization.load_der_private_key(decoded(text), password=None)
    except (ValueError, TypeError):  # TypeError: the key is encrypted
        key = None
    if not isinstance(key, PrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ImproperlyConfigured(f"TOKEN_SIGNING_KEY {MALFORMED}")
    return key


def public_key(text: str) -> PublicKey:
    if text == DEVELOPMENT_KEY:
        return private_key(text).public_key()
    try:
        key = serialization.load_der_public_key(decoded(text))
    except ValueError:
        key = None
    if not isinstance(key, PublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ImproperlyConfigured(f"TOKEN_PUBLIC_KEYS {MALFORMED}")
    return key


def new_pair() -> tuple[str, str]:
    """A new private key and its public key, in the form of the settings."""
    key = ec.generate_private_key(ec.SECP256R1())
    der, no_password = serialization.Encoding.DER, serialization.NoEncryption()
    public_format = serialization.PublicFormat.SubjectPublicKeyInfo
    private = key.private_bytes(der, serialization.PrivateFormat.PKCS8, no_password)
    public = key.public_key().public_bytes(der, public_format)
    return encoded(private), encoded(public)


def jwk(key: PublicKey) -> dict[str, Any]:
    """The key as a JSON Web Key (RFC 7517)."""
    members = ECAlgorithm.to_jwk(key, as_dict=True)
    return {**members, "kid": key_id(key), "alg": ALGORITHM, "use": "sig"}


def key_id(key: PublicKey) -> str:
    """The JWK thumbprint (RFC 7638): signer and verifier derive the same `kid` from the key."""
    members = ECAlgorithm.to_jwk(key, as_dict=True)
    required = {name: members[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return encoded(hashlib.sha256(text.encode()).digest())


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Raises ValueError."""
    padding = "=" * (-len(text) % 4)
    return base64.b64decode(text + padding, altchars=b"-_", validate=True)
