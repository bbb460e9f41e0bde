"""The login form limits guesses at passwords."""

from typing import Any

import pytest
from django.test import Client

from patterns.http.attempt_limit.models import Counted

WRONG = {"username": "anna", "password": "a guess"}


def attempt(address: str = "192.0.2.1", **sent: str) -> Any:
    return Client(REMOTE_ADDR=address).post("/login/", {**WRONG, **sent})


@pytest.mark.django_db
@pytest.mark.parametrize("spelling", ["anna", "Anna ", "ａｎｎａ", "ANNＡ"])
def test_guesses_at_one_name_are_limited_in_every_spelling(users: list[Any], settings: Any, spelling: str) -> None:
    statuses = [attempt(f"192.0.2.{n}").status_code for n in range(settings.LOGINS_PER_MINUTE_AND_USER)]
    refused = attempt("198.51.100.7", username=spelling)

    assert set(statuses) == {200}  # the form shows its error with 200
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60


@pytest.mark.django_db
def test_guesses_from_one_address_are_limited_whatever_the_name(settings: Any) -> None:
    statuses = [attempt(username=f"name {n}").status_code for n in range(settings.LOGINS_PER_MINUTE_AND_ADDRESS + 1)]

    assert statuses == [200] * settings.LOGINS_PER_MINUTE_AND_ADDRESS + [429]


@pytest.mark.django_db
def test_the_right_password_is_limited_too_and_accepted_afterwards(users: list[Any], settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_USER = 1
    users[0].set_password("right")
    users[0].save()
    attempt()
    during = attempt(password="right")
    Counted.objects.all().delete()

    assert (during.status_code, attempt(password="right").status_code) == (429, 302)


@pytest.mark.django_db
def test_a_forwarded_address_counts_only_behind_a_proxy_of_ours(settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_ADDRESS = 1

    def statuses() -> list[int]:
        Counted.objects.all().delete()
        senders = [Client(headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in (1, 2)]
        sent = [{**WRONG, "username": f"{n}"} for n in (1, 2)]
        return [sender.post("/login/", body).status_code for sender, body in zip(senders, sent, strict=True)]

    assert statuses() == [200, 429]
    settings.TRUSTED_PROXIES = 1
    assert statuses() == [200, 200]


@pytest.mark.django_db
def test_zero_lifts_a_limit(settings: Any) -> None:
    settings.LOGINS_PER_MINUTE_AND_ADDRESS = settings.LOGINS_PER_MINUTE_AND_USER = 0

    assert {attempt().status_code for _ in range(30)} == {200}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["\x00", "a\x00b", "\ud800", "x" * 100_000, ""])
def test_a_malformed_name_is_a_failed_login(users: list[Any], name: str) -> None:
    body = f"username={name}&password=x".encode(errors="surrogatepass")

    answer = Client().post("/login/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("is_checked", [True, False])
def test_malformed_bodies_and_missing_csrf_tokens_count_for_their_address(settings: Any, is_checked: bool) -> None:
    settings.LOGINS_PER_MINUTE_AND_ADDRESS = 3
    client = Client(enforce_csrf_checks=is_checked)
    sent = [client.post("/login/", b"--x", content_type="multipart/form-data; boundary=x\x00").status_code for _ in range(5)]

    assert set(sent[:3]) <= {400, 403}
    assert sent[3:] == [429] * 2
