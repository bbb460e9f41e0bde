"""Guessing passwords is slow, at each door."""

from typing import Any

import pytest
from django.test import Client

from patterns.http.attempt_limit.models import Counted

WRONG = {"username": "anna", "password": "a guess"}


def attempt(door: str, address: str = "192.0.2.1", **sent: str) -> Any:
    kind = {"content_type": "application/json"} if door == "/auth/token/" else {}
    return Client(REMOTE_ADDR=address).post(door, {**WRONG, **sent}, **kind)


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["/auth/token/", "/login/"])
def test_the_guesses_at_one_name_are_limited_wherever_they_come_from(users: list[Any], settings: Any, door: str) -> None:
    statuses = [attempt(door, f"192.0.2.{n}").status_code for n in range(settings.LOGINS_PER_MINUTE_AND_USER)]
    refused = attempt(door, "198.51.100.7", username="\uff21nna ")

    assert set(statuses) == ({401} if door == "/auth/token/" else {200})  # the form says what is wrong with 200
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60


@pytest.mark.django_db
def test_the_guesses_of_one_address_are_limited_whatever_names_they_try(settings: Any) -> None:
    statuses = [attempt("/auth/token/", username=f"name {n}").status_code for n in range(settings.LOGINS_PER_MINUTE_AND_ADDRESS + 1)]

    assert statuses == [401] * settings.LOGINS_PER_MINUTE_AND_ADDRESS + [429]


@pytest.mark.django_db
def test_both_doors_count_together(users: list[Any], settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_USER = 2
    attempt("/auth/token/"), attempt("/login/")

    assert [attempt(door).status_code for door in ("/auth/token/", "/login/")] == [429, 429]


@pytest.mark.django_db
def test_the_right_password_waits_too_and_is_welcome_afterwards(users: list[Any], settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_USER = 1
    users[0].set_password("right")
    users[0].save()
    attempt("/auth/token/")
    during = attempt("/auth/token/", password="right")
    Counted.objects.all().delete()

    assert (during.status_code, attempt("/auth/token/", password="right").status_code) == (429, 200)


@pytest.mark.django_db
def test_a_forwarded_address_counts_only_behind_a_proxy_of_ours(settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_ADDRESS = 1

    def statuses() -> list[int]:
        Counted.objects.all().delete()
        senders = [Client(headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in (1, 2)]
        sent = [{**WRONG, "username": f"{n}"} for n in (1, 2)]
        return [
            sender.post("/auth/token/", body, content_type="application/json").status_code
            for sender, body in zip(senders, sent, strict=True)
        ]

    assert statuses() == [401, 429]
    settings.TRUSTED_PROXIES = 1
    assert statuses() == [401, 401]


@pytest.mark.django_db
def test_zero_lifts_a_limit(settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_ADDRESS = settings.LOGINS_PER_MINUTE_AND_USER = 0

    assert {attempt("/auth/token/").status_code for _ in range(30)} == {401}
