"""Signs an access token for one of the demo users: `make token USER=customer`."""

import os
import sys
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from patterns.http.access_token import Signer, Verifier

ROLES = ("customer", "staff", "admin")  # the seeded users; each has the role of its name
ISSUER = AUDIENCE = "nexus"
LIFETIME = timedelta(hours=8)  # a day's work at one demo: nobody refreshes this token


def run(name: str = "") -> int:
    if name not in ROLES:
        print(f'nexus: USER is "{name}"; the demo users are {", ".join(ROLES)}: make token USER=customer', file=sys.stderr)
        return 2
    try:
        verifier = Verifier(os.environ.get("TOKEN_PUBLIC_KEYS", ""), issuer=ISSUER, audience=AUDIENCE)
        signer = Signer(os.environ.get("TOKEN_SIGNING_KEY", ""), verifier, lifetime=LIFETIME)
    except ImproperlyConfigured as error:
        print(f"nexus: {error}. They are in .env", file=sys.stderr)
        return 2
    print(signer.sign(name, role=name))
    return 0


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:2]))
