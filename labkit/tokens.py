"""Access tokens for experiments and tests, as rest_demo signs them."""

import os
from datetime import timedelta

from django.conf import settings

from patterns.http.access_token import Signer


def signer(lifetime: timedelta = timedelta(minutes=10)) -> Signer:
    """Signs with the key of the environment, in debug mode with the development key."""
    key, verifier = os.environ.get("TOKEN_SIGNING_KEY", ""), settings.TOKEN_VERIFIER
    return Signer(key, verifier, lifetime=lifetime, debug=verifier.debug)


def access_token(username: str, role: str = "customer", lifetime: timedelta = timedelta(minutes=10)) -> str:
    return signer(lifetime).sign(username, role=role)


def login_header(username: str, role: str = "customer") -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(username, role)}"}
