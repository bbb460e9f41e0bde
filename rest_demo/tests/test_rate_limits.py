"""The shop's limits over HTTP: who is counted by what, what the answers say, and what happens while Redis is away."""

import logging
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from rest_framework.test import APIClient

from labkit.fault_proxy import FaultProxy
from patterns.http.strict_json.drf import StrictJSONParser
from shop.models import Order, Product
from tests.test_error_shapes import order, problem_in

PRODUCTS, LOGIN = "/api/v1/products/", "/api/v1/auth/token/"
WRONG = "wrong"


@pytest.fixture(autouse=True)
def small_limits(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.LOGINS_PER_MINUTE_AND_ADDRESS, settings.LOGINS_PER_MINUTE_AND_USER, settings.WRITES_PER_MINUTE = 5, 3, 4


@pytest.fixture
def proxy(settings: Any) -> Iterator[FaultProxy]:
    """Between the shop and Redis."""
    redis = urlsplit(settings.REDIS_URL)
    with FaultProxy(str(redis.hostname), int(redis.port or 6379)) as proxy:
        settings.REDIS_URL = f"redis://:{redis.password or ''}@127.0.0.1:{proxy.port}"
        yield proxy


def log_in(username: Any = "customer", password: str = WRONG, **headers: str) -> Any:
    return APIClient().post(LOGIN, {"username": username, "password": password}, format="json", **headers)


def codes(answers: list[Any]) -> list[int]:
    return [answer.status_code for answer in answers]


def about_a_minute(header: str) -> str:
    """The header, with 60 for each time from 30 to 59 s: Redis's clock runs on between the requests."""
    return re.sub(r"\b[345]\d$|(?<=t=)[345]\d\b", "60", header)


def test_a_429_is_a_problem_that_says_when_to_come_again(customer: Any) -> None:
    answers = [log_in() for _ in range(4)]

    assert codes(answers) == [401, 401, 401, 429]
    assert problem_in(answers[-1], 429)["code"] == "throttled"
    assert about_a_minute(answers[-1]["Retry-After"]) == "60"
    assert answers[-1]["RateLimit-Policy"] == '"login-address";q=5;w=60, "login-user";q=3;w=60'
    assert about_a_minute(answers[-1]["RateLimit"]) == '"login-address";r=1;t=60, "login-user";r=0;t=60'


def test_an_allowed_answer_says_what_is_left(api: APIClient, mug: Product) -> None:
    placed = order(api)
    refused = order(api, key=None)

    assert (placed.status_code, placed["RateLimit-Policy"]) == (201, '"writes";q=4;w=60')
    assert about_a_minute(placed["RateLimit"]) == '"writes";r=3;t=60'
    assert (refused.status_code, about_a_minute(refused["RateLimit"])) == (400, '"writes";r=2;t=60')


def test_changes_are_limited_by_user_and_reading_is_not(api: APIClient, mug: Product, django_user_model: Any) -> None:
    other = APIClient()
    other.force_authenticate(django_user_model.objects.create_user("other"))

    assert codes([order(api, key=str(number)) for number in range(6)]) == [201] * 4 + [429] * 2
    assert Order.objects.count() == 4
    assert codes([api.get(PRODUCTS) for _ in range(6)]) == [200] * 6
    assert order(other).status_code == 201


def test_guesses_at_one_name_are_limited_wherever_they_come_from(customer: Any) -> None:
    answers = [log_in(REMOTE_ADDR=f"192.0.2.{number}") for number in range(6)]

    assert codes(answers) == [401] * 3 + [429] * 3


@pytest.mark.parametrize(
    "spellings",
    [
        ["customer", " customer", "Customer ", "CUSTOMER", "customer\t"],
        ["customer", "cust\uff4fmer", "\uff23ustomer", "customer", "customer"],
    ],
)
def test_another_spelling_is_not_another_name(customer: Any, spellings: list[str]) -> None:
    assert codes([log_in(name) for name in spellings]) == [401] * 3 + [429] * 2


def test_guesses_of_one_address_are_limited_whatever_names_they_try(db: None) -> None:
    answers = [log_in(f"user {number}") for number in range(8)]

    assert codes(answers) == [401] * 5 + [429] * 3


def test_an_address_of_its_own_for_each_guess_from_one_ipv6_network_does_not_help(db: None) -> None:
    answers = [log_in(f"user {number}", REMOTE_ADDR=f"2001:db8:1:2::{number}") for number in range(8)]

    assert codes(answers) == [401] * 5 + [429] * 3


def test_a_forged_x_forwarded_for_does_not_help(db: None) -> None:
    answers = [log_in(f"user {number}", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}") for number in range(8)]

    assert codes(answers) == [401] * 5 + [429] * 3


def test_behind_a_trusted_proxy_its_clients_are_told_apart_and_a_forged_header_does_not_help(db: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    forged = [log_in(f"user {number}", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}, 198.51.100.7") for number in range(8)]
    innocent = log_in("user", HTTP_X_FORWARDED_FOR="198.51.100.8")

    assert codes(forged) == [401] * 5 + [429] * 3
    assert innocent.status_code == 401


def test_who_is_refused_for_the_address_uses_up_nobodys_name(customer: Any) -> None:
    for number in range(5):
        log_in(f"user {number}")

    assert codes([log_in() for _ in range(5)]) == [429] * 5
    customer.set_password("a password")
    customer.save()
    assert log_in(password="a password", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_a_right_password_is_refused_too_while_its_name_is_limited(customer: Any) -> None:
    customer.set_password("a password")
    customer.save()
    for _ in range(3):
        log_in()

    assert log_in(password="a password").status_code == 429


@pytest.mark.parametrize("username", [None, 7, [], {}, "x" * 100_000])
def test_a_strange_user_name_is_counted_and_breaks_nothing(db: None, username: Any) -> None:
    assert codes([log_in(username) for _ in range(4)]) == [400] * 3 + [429]


@pytest.mark.parametrize("body", [r'{"username": "\u0000"}', r'{"username": "\ud800"}', "{", "[" * 50_000])
def test_malformed_logins_count_for_their_address(db: None, body: str) -> None:
    answers = [APIClient().post(LOGIN, body, content_type="application/json") for _ in range(6)]

    assert codes(answers) == [400] * 5 + [429]
    assert problem_in(answers[0], 400)["code"] == "malformed_json"


@pytest.mark.parametrize("body", ["{", '{"username": "a", "password": "b"}'])
def test_beyond_the_limit_no_body_is_parsed(db: None, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = StrictJSONParser.parse
    monkeypatch.setattr(StrictJSONParser, "parse", lambda *args: parsed.append(1) or parse(*args))  # type: ignore[func-returns-value]
    sent = [APIClient().post(LOGIN, body.replace("a", f"a{n}"), content_type="application/json") for n in range(8)]

    assert codes(sent)[5:] == [429] * 3
    assert len(parsed) == 5


def test_a_quota_of_0_lifts_the_limit(api: APIClient, mug: Product, settings: Any) -> None:
    settings.WRITES_PER_MINUTE = 0
    answers = [order(api, key=str(number)) for number in range(10)]

    assert codes(answers) == [201] * 10
    assert "RateLimit" not in answers[0]


@pytest.mark.parametrize("fault", ["refuse", "hang", "drop_reply"])
def test_while_redis_is_away_orders_are_placed_and_logins_are_still_limited(
    api: APIClient, mug: Product, proxy: FaultProxy, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    order(api, key="before")
    proxy.set(fault)
    caplog.clear()
    begun = time.monotonic()
    placed = [order(api, key=str(number)) for number in range(10)]
    guesses = [log_in() for _ in range(6)]
    seconds = time.monotonic() - begun

    assert codes(placed) == [201] * 10
    assert codes(guesses) == [401] * 3 + [429] * 3
    assert seconds / 16 < 1  # each is answered within a second
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_a_connection_that_redis_cut_costs_one_count_and_no_order(api: APIClient, mug: Product, proxy: FaultProxy) -> None:
    order(api, key="before")
    proxy.set("cut")

    assert order(api, key="after").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_redis_is_no_condition_of_being_ready(proxy: FaultProxy) -> None:
    proxy.set("refuse")

    assert Client().get("/ready").status_code == 200
    assert Client().get("/live").status_code == 200


def test_when_redis_is_back_it_counts_again_without_a_restart(api: APIClient, mug: Product, proxy: FaultProxy) -> None:
    from shop.api.throttles import WriteThrottle

    limiter = WriteThrottle().limiter
    proxy.set("refuse")
    lost = order(api, key="during")
    proxy.set("pass")
    limiter._retry_at = 0.0  # as if a second had passed
    back = order(api, key="after")

    assert "RateLimit" not in lost
    assert back["RateLimit"] == '"writes";r=3;t=60'
