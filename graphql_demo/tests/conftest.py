from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import global_settings
from django.core.management import call_command
from django.test import AsyncClient, Client

from community.models import Comment, Product, Review

Ask = Callable[..., Any]
Act = Callable[..., Any]
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """A hash that takes a fifth of a second on purpose would take most of the tests' time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def seeded(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Fills the tests' database for a process that works on it too; the members' password."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # that process knows no others
    monkeypatch.setenv("DEMO_PASSWORD", "a password")
    call_command("seed", verbosity=0)
    return "a password"


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Sends a query over HTTP, through Django's synchronous or its asynchronous handler; returns status and answer."""

    def send(query: str, user: Any = None, **variables: Any) -> tuple[int, Any]:
        client = Client() if request.param == "wsgi" else AsyncClient()
        if user:
            client.force_login(user)
        post = client.post if request.param == "wsgi" else async_to_sync(client.post)
        response = post("/graphql/", {"query": query, "variables": variables}, content_type="application/json")
        return response.status_code, response.json()

    return send


@pytest.fixture
def act(ask: Ask) -> Act:
    """Does a mutation as a user, and returns its payload with `shown` of it and its userErrors."""

    def do(action: str, user: Any, shown: str, **input: Any) -> Any:
        kind = f"{action[0].upper()}{action[1:]}Input"
        query = f"mutation ($input: {kind}!) {{ {action}(input: $input) {{ {shown} userErrors {{ field code message }} }} }}"
        status, answer = ask(query, user, input=input)
        assert (status, list(answer)) == (200, ["data"]), answer
        return answer["data"][action]

    return do


@pytest.fixture
def users(django_user_model: Any) -> list[Any]:
    return [django_user_model.objects.create_user(name) for name in ("anna", "ben", "carla", "david", "elif")]


@pytest.fixture
def reviews(users: list[Any]) -> list[Review]:
    """Nine reviews by anna, ben and carla, one an hour, the oldest first; each has four comments by david and elif."""
    products = [Product.objects.create(sku=f"SKU-{n:06d}", name=f"Mug {n}", price="4.90") for n in (1, 2, 3)]
    made = [
        Review.objects.create(author=user, product=product, rating=4, body="Good.", posted_at=NOON + timedelta(hours=3 * i + j))
        for i, user in enumerate(users[:3])
        for j, product in enumerate(products)
    ]
    for review in made:
        for n in range(4):
            at = review.posted_at + timedelta(minutes=n)
            Comment.objects.create(review=review, author=users[3 + n % 2], body=f"comment {n}", posted_at=at)
    return made
