"""What every service here promises, whatever it does."""

import os
import subprocess
import sys

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_live_and_ready_answer_whatever_the_demos_do(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("key", ["", "insecure-key-for-debug-mode-only"])
def test_production_refuses_a_missing_or_default_secret_and_names_it(key: str) -> None:
    done = manage("check", DEBUG="0", SECRET_KEY=key)

    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("SERVERS", "redis=localhost"), ("REST_DEMO_INTERNAL_URL", "rest:8000"), ("SOURCE_URL", "javascript:alert(1)")],
)
def test_a_malformed_setting_is_refused_by_name(name: str, value: str) -> None:
    done = manage("check", DEBUG="1", **{name: value})

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name}" in done.stderr


def test_production_settings_pass_the_deployment_check() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", DEBUG="0", SECRET_KEY="k3y-" * 20 + "0123456789", HTTPS="1")

    assert done.returncode == 0, done.stderr


def manage(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
