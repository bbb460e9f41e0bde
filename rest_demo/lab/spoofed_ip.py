"""They change X-Forwarded-For and keep guessing.

200 guesses from one machine, each with another X-Forwarded-For: half at one customer's
password, half at others'. The naive login has DRF's own throttle with its defaults: it
takes the whole header as the client's identity. The solved one is the shop's. Then the same
through a proxy, which appends the address it sees to whatever the client sent.

Last, the shop's login runs on a real server, which gets the header in two spellings. WSGI
has one name for both: HTTP_X_FORWARDED_FOR. granian passes both lines on, and the forged
one counts. gunicorn drops names with an underscore.
"""

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.cache.backends.redis import RedisCache
from django.test import override_settings
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from labkit import Counts, Experiment
from labkit.processes import free_port, is_serving, running, served, wait_until
from shop.api.accounts import TokenObtain
from shop.api.throttles import client

GUESSES = 200
PER_ADDRESS, PER_USER = 20, 10
REAL_LIMIT, SPELT_TWICE = 5, 10  # a real server hashes passwords slowly: as few as possible
ATTACKER, NEIGHBOUR, PROXY = "198.51.100.7", "198.51.100.8", "10.0.0.1"
NAMES = ["customer"] * (GUESSES // 2) + [f"customer {number}" for number in range(GUESSES // 2)]


REAL_LIMITS = {
    "TRUSTED_PROXIES": "1",
    "LOGINS_PER_MINUTE_AND_ADDRESS": str(REAL_LIMIT),
    "LOGINS_PER_MINUTE_AND_USER": str(PER_USER),
}


class NaiveThrottle(AnonRateThrottle):
    rate = f"{PER_ADDRESS}/min"
    cache = RedisCache(settings.REDIS_URL, {"KEY_PREFIX": f"{settings.RATE_LIMIT_PREFIX}:naive"})


class NaiveLogin(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = [NaiveThrottle]

    def post(self, request: Request) -> Response:
        credentials: Any = request.data
        if authenticate(request, **credentials) is None:
            raise AuthenticationFailed
        return Response(status=204)


def naive() -> Counts:
    with granian() as port:
        return attack(NaiveLogin) | spell_twice(port)


def solved() -> Counts:
    port = free_port()
    with served(port, **REAL_LIMITS):
        return attack(TokenObtain) | spell_twice(port)


@override_settings(
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # 400 slow hashes would prove nothing more
    LOGINS_PER_MINUTE_AND_ADDRESS=PER_ADDRESS,
    LOGINS_PER_MINUTE_AND_USER=PER_USER,
)
def attack(view: type[APIView]) -> Counts:
    user, _ = get_user_model().objects.get_or_create(username="customer")
    user.set_password("a password")
    user.save()
    forget()
    with override_settings(TRUSTED_PROXIES=0):
        direct = [guess(view, name, peer=ATTACKER, header=forged(number)) for number, name in enumerate(NAMES)]
    forget()
    with override_settings(TRUSTED_PROXIES=1):
        proxied = [guess(view, name, peer=PROXY, header=f"{forged(number)}, {ATTACKER}") for number, name in enumerate(NAMES)]
        neighbours = [guess(view, f"neighbour {number}", peer=PROXY, header=NEIGHBOUR) for number in range(5)]
    return {
        "guesses": len(direct),
        "let_through": count_let_through(direct),
        "let_through_at_one_customer": count_let_through(direct[: GUESSES // 2]),
        "let_through_behind_a_proxy": count_let_through(proxied),
        "neighbours_refused": len(neighbours) - count_let_through(neighbours),
    }


@contextlib.contextmanager
def granian() -> Iterator[int]:
    port = free_port()
    argv = ["python", "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-log", "config.wsgi:application"]
    with running(argv, **REAL_LIMITS):
        wait_until(lambda: is_serving(port), timeout_seconds=30, what="granian")
        yield port


def spell_twice(port: int) -> Counts:
    forget()
    let_through = count_let_through([guess_spelt_twice(port, number) for number in range(SPELT_TWICE)])
    return {
        "guesses_with_two_spellings": SPELT_TWICE,
        "let_through_with_two_spellings": let_through,
        "past_the_limit_with_two_spellings": max(0, let_through - REAL_LIMIT),
    }


def guess_spelt_twice(port: int, number: int) -> int:
    """Returns the status. The trusted proxy wrote the first header, the attacker the second."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Content-Type": "application/json",
        "X-Forwarded-For": ATTACKER,
        "X_Forwarded_For": forged(number),
    }
    body = json.dumps({"username": f"spelt twice {number}", "password": "wrong"})
    with contextlib.closing(connection):
        connection.request("POST", "/api/v1/auth/token/", body, headers)
        return connection.getresponse().status


def forget() -> None:
    for key in client(settings.REDIS_URL).scan_iter(match=f"*{settings.RATE_LIMIT_PREFIX}*", count=1000):
        client(settings.REDIS_URL).delete(key)


def forged(number: int) -> str:
    return f"192.0.2.{number}"


def guess(view: type[APIView], username: str, *, peer: str, header: str) -> int:
    body = {"username": username, "password": "wrong"}
    request = APIRequestFactory().post("/", body, format="json", headers={"X-Forwarded-For": header}, REMOTE_ADDR=peer)
    response: Response = view.as_view()(request)
    return response.status_code


def count_let_through(codes: list[int]) -> int:
    """How often a password was checked. DRF turns 401 into 403 if no authentication class has a challenge."""
    return sum(code in (401, 403) for code in codes)


experiment = Experiment(
    challenge="They change X-Forwarded-For and keep guessing",
    solution="two limits: one per address that your trusted proxies saw, one per user name",
    load=f"{GUESSES} wrong passwords from one machine, each with another X-Forwarded-For, half of them for one customer: directly, then "
    f"through a proxy, with limits of {PER_ADDRESS} a minute per address and {PER_USER} per name; then {SPELT_TWICE} more over HTTP, "
    f"each with X-Forwarded-For and X_Forwarded_For, with a limit of {REAL_LIMIT} per address",
    naive=naive,
    solved=solved,
    breaks=lambda counts: (
        counts["let_through"] == GUESSES
        and counts["let_through_behind_a_proxy"] == GUESSES
        and counts["past_the_limit_with_two_spellings"] > 0
    ),
    holds=lambda counts: (
        counts["let_through"] <= PER_ADDRESS
        and counts["let_through_at_one_customer"] <= PER_USER
        and counts["let_through_behind_a_proxy"] <= PER_ADDRESS
        and counts["neighbours_refused"] == 0
        and counts["let_through_with_two_spellings"] == REAL_LIMIT
    ),
    proof=("let_through", "let_through_behind_a_proxy", "past_the_limit_with_two_spellings"),
    code="patterns/http/client_address",
)
