"""One access token works at every service: signed by `make token`'s code, verified by real servers."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from labkit.processes import free_port, served
from nexus.demos import environment, token_keys
from patterns.http.access_token import Signer, Verifier
from patterns.http.access_token.keys import new_pair
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

URLS = ("POSTGRES_URL", "REDIS_URL", "RABBITMQ_URL", "MEMCACHED_URL")
SKU = "SKU-000001"


@dataclass(frozen=True)
class Call:
    demo: str
    path: str
    method: str = "GET"
    json: Any = None
    expected: int = 200
    interface: str = "wsgi"
    environment: dict[str, str] = field(default_factory=dict)


CALLS = [
    Call("rest_demo", "/api/v1/me/"),
    Call("graphql_demo", "/graphql/", "POST", {"query": "{ me { username } }"}),
    Call("queue_demo", "/orders/"),
    Call("caching_demo", "/me/recent/"),
    Call("database_demo", "/reservations/", "POST", {"sku": SKU, "quantity": 1}, 201),
    Call("async_demo", "/quotes/?postcode=10115&weight_grams=500", interface="asgi", expected=503),
]


@contextlib.contextmanager
def service(call: Call, **changes: str) -> Iterator[httpx.Client]:
    """The seeded service, with an own database and the server that production uses."""
    urls = {name: os.environ[name] for name in URLS}
    settings = environment(call.demo, urls) | {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": "k3y-" * 20, "DEMO_PASSWORD": "w0rd-" * 5}
    settings |= {"DATABASE_URL": f"{urls['POSTGRES_URL']}/token_{call.demo}", "CARRIERS_URL": "http://127.0.0.1:9", **changes}
    if call.demo != "rest_demo":
        settings["TOKEN_SIGNING_KEY"] = ""  # the others cannot sign
    done = subprocess.run([sys.executable, "-m", "nexus.setup"], cwd=ROOT / call.demo, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        contextlib.chdir(ROOT / call.demo),
        served(port, interface=call.interface, **settings),
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def signed(name: str = "customer", *, signing_key: str = "", public_keys: str = "", **claims: str) -> str:
    keys = token_keys()
    verifier = Verifier(public_keys or keys["TOKEN_PUBLIC_KEYS"], issuer="nexus", audience="nexus")
    return Signer(signing_key or keys["TOKEN_SIGNING_KEY"], verifier).sign(name, **claims)


def demo_token(name: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "nexus.demo_token", name]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **token_keys()}, capture_output=True, text=True)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.demo)
def test_each_service_accepts_the_token_and_refuses_a_forged_one(call: Call) -> None:
    stranger, public = new_pair()
    new_signing, new_public = new_pair()
    both = f"{token_keys()['TOKEN_PUBLIC_KEYS']},{new_public}"
    tokens = {
        "make token": demo_token("customer").stdout.strip(),
        "the next key": signed(signing_key=new_signing, public_keys=new_public),
        "a stranger's key": signed(signing_key=stranger, public_keys=public),
        "cut": signed()[:-3],
        "rubbish": "rubbish",
    }
    with service(call, TOKEN_PUBLIC_KEYS=both) as client:
        answers = {
            name: client.request(call.method, call.path, json=call.json, headers={"Authorization": f"Bearer {token}"})
            for name, token in tokens.items()
        }

    accepted = {name: answers[name].status_code for name in ("make token", "the next key")}
    refused = {name: each.status_code for name, each in answers.items() if name not in accepted}
    assert accepted == dict.fromkeys(accepted, call.expected), answers["make token"].text[:300]
    assert refused == dict.fromkeys(refused, 401)
    assert "invalid_token" in answers["rubbish"].headers["WWW-Authenticate"]


def test_guesses_at_a_password_are_not_checked_where_tokens_are(monkeypatch: pytest.MonkeyPatch) -> None:
    call = next(each for each in CALLS if each.demo == "database_demo")
    with service(call) as client:
        statuses = {client.post(call.path, json=call.json, auth=("staff", "w0rd-" * 5)).status_code for _ in range(3)}

    assert statuses == {401}


@pytest.mark.parametrize("name", ["", "root", "Customer", "customer;id"])
def test_make_token_names_the_users_that_there_are(name: str) -> None:
    done = demo_token(name)

    assert (done.returncode, done.stdout) == (2, "")
    assert "customer, staff, admin" in done.stderr
    assert len(done.stderr.splitlines()) == 1
