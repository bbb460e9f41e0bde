"""Access tokens, of the shape that rest_demo issues: whoever has the key can read them, so one login serves all services.

{"iss": "nexus", "sub": "<username>", "typ": "access", "role": "customer|staff|admin", "iat", "exp", "jti"}, signed with HS256.
"""

import uuid
from datetime import datetime, timedelta

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

ALGORITHM, ISSUER, KIND = "HS256", "nexus", "access"
LIFETIME = timedelta(minutes=15)  # nobody can take one back, so it ends soon
CLAIMS = ["iss", "sub", "typ", "iat", "exp", "jti"]


class BadToken(Exception):
    pass


def issue(user: User, *, now: datetime) -> str:
    role = "admin" if user.is_superuser else "staff" if user.is_staff else "customer"
    claims = {"iss": ISSUER, "sub": user.username, "typ": KIND, "role": role, "iat": now, "exp": now + LIFETIME, "jti": str(uuid.uuid4())}
    return jwt.encode(claims, settings.ACCESS_TOKEN_KEY, ALGORITHM)


def bearer(header: str) -> User | None:
    """The member of an Authorization header; None without one. Raises BadToken, with the same words for whatever is wrong.

    What the member may is asked of our own database, not of the token's role: rights that were taken away are gone at once.
    """
    scheme, _, token = header.partition(" ")
    if not header:
        return None
    if scheme.lower() != "bearer":
        raise BadToken("Send a bearer token.")
    try:
        # the algorithm is ours to say: one that is read from the token could be "none"
        claims = jwt.decode(token.strip(), settings.ACCESS_TOKEN_KEY, [ALGORITHM], issuer=ISSUER, options={"require": CLAIMS})
    except jwt.PyJWTError:
        claims = {}
    name = claims.get("sub") if claims.get("typ") == KIND else None
    user = get_user_model().objects.filter(username=name, is_active=True).first() if name and name.isprintable() else None
    if user is None:
        raise BadToken("The token is not valid, or not valid any more.")
    return user
