from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from community.models import Product, Review
from community.services import post_review
from tests.conftest import NOON, Ask

POST = """mutation ($sku: String!, $rating: Int!, $body: String!) { postReview(sku: $sku, rating: $rating, body: $body) {
    review { body author { username } product { sku } likeCount }
} }"""
GOOD = {"sku": "SKU-000001", "rating": 5, "body": " I bought a second one. "}


@pytest.fixture
def mug(db: None) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")


def test_a_member_posts_a_review(ask: Ask, mug: Product, users: list[Any]) -> None:
    _, answer = ask(POST, users[0], **GOOD)

    posted = {"body": "I bought a second one.", "author": {"username": "anna"}, "product": {"sku": "SKU-000001"}, "likeCount": 0}
    assert answer == {"data": {"postReview": {"review": posted}}}
    assert Review.objects.count() == 1


def test_a_visitor_posts_nothing(ask: Ask, mug: Product) -> None:
    _, answer = ask(POST, **GOOD)

    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert not Review.objects.exists()


BAD = [{"rating": 0}, {"rating": 6}, {"rating": -(2**31)}, {"body": " "}, {"body": "x" * 5001}, {"body": "\x00"}, {"body": "\ud800"}]
BAD += [{"sku": "NO-SUCH"}, {"sku": "\x00"}, {"sku": "\ud800"}]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_review_is_refused(ask: Ask, mug: Product, users: list[Any], bad: dict[str, Any]) -> None:
    status, answer = ask(POST, users[0], **GOOD | bad)

    assert (status, answer["data"]) == (200, {"postReview": None})
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert not Review.objects.exists()


def test_a_second_review_of_a_product_is_refused(ask: Ask, mug: Product, users: list[Any]) -> None:
    ask(POST, users[0], **GOOD)
    _, answer = ask(POST, users[0], **GOOD)

    assert answer["errors"][0]["message"] == "You have reviewed this product."
    assert Review.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_reviews_that_race_leave_one(mug: Product, users: list[Any]) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("a race needs a database that lets both in: set DATABASE_URL")

    def post(body: str) -> bool:
        try:
            post_review(author=users[0], sku=mug.sku, rating=4, body=body, posted_at=NOON)
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        posted = list(pool.map(post, "abcdefgh"))

    assert sorted(posted) == [False] * 7 + [True]
    assert Review.objects.count() == 1


def test_nothing_is_posted_by_get(mug: Product, users: list[Any], client: Client) -> None:
    client.force_login(users[0])
    query = 'mutation { postReview(sku: "SKU-000001", rating: 5, body: "Good.") { review { id } } }'

    assert client.get("/graphql/", {"query": query}).status_code == 405
    assert not Review.objects.exists()
