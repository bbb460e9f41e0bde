"""A stolen refresh token works forever.

16 clients present one refresh token at the same moment. Then comes the theft: a thief has
copied a token and uses it first; the owner uses the same token and is refused. The naive
endpoint is what libraries and tutorials show: a token has an id, and used ids are on a
blacklist. It checks the list, and then adds the id.
"""

import time
import uuid
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from labkit import Counts, Experiment, at_once
from patterns.http.refresh_rotation import rotation
from patterns.http.refresh_rotation.models import RefreshFamily
from shop.accounts import access_token_for
from shop.api.accounts import TokenRefresh

CLIENTS = 16
ROUND_TRIP_SECONDS = 0.02  # the database is in another region: with less, a busy machine has runs with one winner
TRIES = 10  # of the thief, after the owner was refused
LIFETIME = timedelta(days=30)


class BlacklistedId(models.Model):
    jti = models.CharField(max_length=36, unique=True)
    objects: Any = models.Manager()  # unknown to the type checker: no installed app

    class Meta:
        app_label = "lab"  # not an installed app: the table is made here, in the lab's own database


class NaiveTokenRefresh(APIView):
    authentication_classes = []
    permission_classes = []

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def post(self, request: Any) -> Response:
        claims = jwt.decode(request.data["refresh"], settings.SECRET_KEY, algorithms=["HS256"])
        if BlacklistedId.objects.filter(jti=claims["jti"]).exists():
            raise AuthenticationFailed("Token is blacklisted")
        user = User.objects.get(username=claims["sub"], is_active=True)
        BlacklistedId.objects.get_or_create(jti=claims["jti"])
        return Response({"access": access_token_for(user), "refresh": naive_token(user)})


def naive_token(user: User) -> str:
    claims = {"sub": user.username, "jti": str(uuid.uuid4()), "exp": timezone.now() + LIFETIME}
    return jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")


def naive() -> Counts:
    if BlacklistedId._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(BlacklistedId)
    return steal(NaiveTokenRefresh, naive_token)


def solved() -> Counts:
    RefreshFamily.objects.all().delete()
    return steal(TokenRefresh, lambda user: rotation.start(user, lifetime=LIFETIME, now=timezone.now()))


def steal(view: type[APIView], login: Any) -> Counts:
    """`login` returns a user's first refresh token."""
    user, _ = User.objects.get_or_create(username="customer")
    race = at_once(refresh, [(view, login(user))] * CLIENTS, warm_up=(view, login(user)))
    handed_out = [token for token in race if token]
    stolen = login(user)
    thiefs = refresh(view, stolen)
    owners = refresh(view, stolen)
    return {
        "requests": CLIENTS,
        "successes": len(handed_out),
        "good_after_the_race": sum(bool(refresh(view, token)) for token in handed_out),
        "thief_was_first": int(bool(thiefs)),
        "owner_was_refused": int(not owners),
        "tries_of_the_thief": TRIES,
        "refreshes_of_the_thief_after_reuse": uses(view, thiefs),
    }


def uses(view: type[APIView], token: str) -> int:
    """How many of the thief's tries succeed, each with the newest token he got."""
    good = 0
    for _ in range(TRIES):
        if successor := refresh(view, token):
            good, token = good + 1, successor
    return good


def refresh(view: type[APIView], token: str) -> str:
    """The next token; empty if it was refused."""
    request = APIRequestFactory().post("/api/v1/auth/token/refresh/", {"refresh": token}, format="json")
    with connection.execute_wrapper(far_away):
        response = view.as_view()(request)
    return str(response.data["refresh"]) if response.status_code == 200 else ""


def far_away(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    time.sleep(ROUND_TRIP_SECONDS)
    return execute(sql, params, many, context)


experiment = Experiment(
    challenge="A stolen refresh token works forever",
    solution="one row per login, changed by one conditional UPDATE; a token that is used twice ends the login",
    load=f"{CLIENTS} refreshes of one token at once from two processes; then a thief uses a token before its owner does, "
    f"and {TRIES} times more; a statement takes {ROUND_TRIP_SECONDS * 1000:.0f} ms",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["successes"] > 1 and counts["refreshes_of_the_thief_after_reuse"] > 0,
    holds=lambda counts: (
        (counts["successes"], counts["good_after_the_race"], counts["refreshes_of_the_thief_after_reuse"]) == (1, 0, 0)
        and counts["thief_was_first"] == counts["owner_was_refused"] == 1
    ),
    proof=("successes", "refreshes_of_the_thief_after_reuse"),
    code="patterns/http/refresh_rotation/rotation.py",
)
