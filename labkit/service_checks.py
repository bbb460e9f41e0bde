"""The promises that every service keeps, whatever it does. Each demo runs them in tests/test_service.py."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from rest_framework.exceptions import APIException

from patterns.http.access_token.keys import DEVELOPMENT_KEY
from patterns.http.problem_details import Code
from patterns.http.problem_details.drf import RENAMED


@pytest.mark.django_db(transaction=True)
def test_live_and_ready_answer(client: Client) -> None:
    assert client.get("/live").status_code == 200
    assert client.get("/ready").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_ready_names_the_dependency_that_is_down_and_live_does_not_care(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise DatabaseError("down")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", down)
    ready = client.get("/ready")

    assert ready.status_code == 503
    assert "Database" in ready.content.decode()
    assert client.get("/live").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ["", "?format=text", "?format=atom", "?format=openmetrics"])
@pytest.mark.parametrize("accept", ["*/*", "text/plain", "application/atom+xml", ";;;,,/"])
def test_ready_says_503_in_json_however_it_is_asked(client: Client, monkeypatch: pytest.MonkeyPatch, query: str, accept: str) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise DatabaseError("down")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", down)
    ready = client.get(f"/ready{query}", headers={"Accept": accept})

    assert (ready.status_code, ready["Content-Type"]) == (503, "application/json")


@pytest.mark.parametrize("key", ["", "insecure-key-for-debug-mode-only"])
def test_production_refuses_a_missing_or_default_secret_and_names_it(key: str) -> None:
    done = manage("check", DEBUG="0", SECRET_KEY=key)

    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


@pytest.mark.parametrize("keys", ["", DEVELOPMENT_KEY, "no key"])
def test_production_refuses_a_missing_or_development_token_key_and_names_it(keys: str) -> None:
    done = manage("check", DEBUG="0", SECRET_KEY="k3y-" * 20 + "0123456789", TOKEN_PUBLIC_KEYS=keys)

    assert done.returncode != 0
    assert "TOKEN_PUBLIC_KEYS" in done.stderr.strip().splitlines()[-1]


def test_production_settings_pass_the_deployment_check() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", DEBUG="0", SECRET_KEY="k3y-" * 20 + "0123456789", HTTPS="1")

    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    call_command("makemigrations", "--check", "--dry-run")  # ends with SystemExit when one is missing


def test_the_schema_lists_the_code_of_every_error(client: Client) -> None:
    """A service without django-rest-framework publishes no schema."""
    answer = client.get("/api/schema/?format=json")
    if "rest_framework" not in settings.INSTALLED_APPS:
        assert answer.status_code == 404
        return
    schemas = answer.json()["components"]["schemas"]
    listed = set(schemas["Problem"]["properties"]["code"]["enum"])
    raised = {RENAMED.get(each.default_code, each.default_code) for each in error_classes(APIException)}

    assert set(map(str, Code)) <= listed
    assert raised - {"error"} <= listed


def error_classes(of: type[APIException]) -> Iterator[type[APIException]]:
    for each in of.__subclasses__():
        yield each
        yield from error_classes(each)


def manage(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
