from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from graphql_relay import to_global_id

from community.models import Product, Review
from community.services import post_review
from patterns.messaging.outbox.models import OutboxEvent
from tests.conftest import NOON, Act, Ask

GOOD = {"sku": "SKU-000001", "rating": 5, "body": " I bought a second one. "}
SHOWN = "review { body author { username } product { sku } likeCount }"


@pytest.fixture
def mug(db: None) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")


def test_a_member_posts_a_review(act: Act, mug: Product, users: list[Any]) -> None:
    payload = act("postReview", users[0], SHOWN, **GOOD)

    posted = {"body": "I bought a second one.", "author": {"username": "anna"}, "product": {"sku": "SKU-000001"}, "likeCount": 0}
    assert payload == {"review": posted, "userErrors": []}
    assert Review.objects.count() == 1


def test_a_posted_review_leaves_an_event_with_the_requests_id(mug: Product, users: list[Any], client: Client) -> None:
    client.force_login(users[0])
    query = "mutation ($input: PostReviewInput!) { postReview(input: $input) { review { id } } }"
    body = {"query": query, "variables": {"input": GOOD}}

    client.post("/graphql/", body, content_type="application/json", headers={"X-Request-ID": "the-request"})

    [event], [review] = OutboxEvent.objects.waiting(), Review.objects.all()
    assert (event.routing_key, event.aggregate) == ("review.posted", f"review/{review.pk}")
    assert event.payload["correlationid"] == "the-request"
    assert event.payload["id"] == str(event.event_id)
    assert event.payload["data"] == {"review_id": str(review.pk), "sku": "SKU-000001", "author": "anna", "rating": 5}


BAD = [{"rating": 0}, {"rating": 6}, {"rating": -(2**31)}, {"body": " "}, {"body": "x" * 5001}, {"body": "\x00"}, {"body": "\ud800"}]
BAD += [{"sku": "NO-SUCH"}, {"sku": "\x00"}, {"sku": "\ud800"}]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_review_is_refused(act: Act, mug: Product, users: list[Any], bad: dict[str, Any]) -> None:
    payload = act("postReview", users[0], SHOWN, **GOOD | bad)

    [field] = bad
    assert payload["review"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND" if field == "sku" else "INVALID"]
    assert payload["userErrors"][0]["field"] == field
    assert not Review.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_a_second_review_of_a_product_is_refused(act: Act, mug: Product, users: list[Any]) -> None:
    act("postReview", users[0], SHOWN, **GOOD)
    payload = act("postReview", users[0], SHOWN, **GOOD)

    assert payload["userErrors"] == [{"field": None, "code": "TAKEN", "message": "You have reviewed this product."}]
    assert (Review.objects.count(), OutboxEvent.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_reviews_that_race_leave_one(mug: Product, users: list[Any]) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("a race needs a database that lets both in: set DATABASE_URL")

    def post(body: str) -> bool:
        try:
            post_review(actor=users[0], sku=mug.sku, rating=4, body=body, posted_at=NOON)
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        posted = list(pool.map(post, "abcdefgh"))

    assert sorted(posted) == [False] * 7 + [True]
    assert (Review.objects.count(), OutboxEvent.objects.count()) == (1, 1)


def test_nothing_is_posted_by_get(mug: Product, users: list[Any], client: Client) -> None:
    client.force_login(users[0])
    query = 'mutation { postReview(input: {sku: "SKU-000001", rating: 5, body: "Good."}) { review { id } } }'

    assert client.get("/graphql/", {"query": query}).status_code == 405
    assert not Review.objects.exists()


def test_of_many_reviews_the_good_ones_are_posted(act: Act, mug: Product, users: list[Any]) -> None:
    Product.objects.create(sku="SKU-000002", name="Lamp", price="19.90")
    rows = [GOOD, GOOD | {"sku": "NO-SUCH"}, GOOD, GOOD | {"sku": "SKU-000002", "rating": 9}, GOOD | {"sku": "SKU-000002"}]

    payload = act("postReviews", users[0], "results { review { product { sku } } userErrors { field code } }", reviews=rows)

    assert payload["userErrors"] == []
    assert payload["results"] == [
        {"review": {"product": {"sku": "SKU-000001"}}, "userErrors": []},
        {"review": None, "userErrors": [{"field": "sku", "code": "NOT_FOUND"}]},
        {"review": None, "userErrors": [{"field": None, "code": "TAKEN"}]},
        {"review": None, "userErrors": [{"field": "rating", "code": "INVALID"}]},
        {"review": {"product": {"sku": "SKU-000002"}}, "userErrors": []},
    ]
    assert (Review.objects.count(), OutboxEvent.objects.count()) == (2, 2)


@pytest.mark.parametrize("count", [0, 101])
def test_none_and_too_many_at_once_are_refused(act: Act, mug: Product, users: list[Any], count: int) -> None:
    payload = act("postReviews", users[0], "results { review { id } }", reviews=[GOOD] * count)

    assert payload["results"] is None
    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [("reviews", "INVALID")]


def test_an_author_edits_and_what_is_left_out_stays(act: Act, reviews: list[Review], users: list[Any]) -> None:
    id = to_global_id("Review", str(reviews[0].pk))

    payload = act("editReview", users[0], "review { rating body editedAt }", reviewId=id, rating=2)

    assert payload["userErrors"] == []
    assert payload["review"] | {"editedAt": ""} == {"rating": 2, "body": "Good.", "editedAt": ""}
    assert payload["review"]["editedAt"]
    assert act("editReview", users[0], "review { rating }", reviewId=id, rating=7)["userErrors"][0]["code"] == "INVALID"
    reviews[0].refresh_from_db()
    assert reviews[0].rating == 2


def test_a_deleted_review_takes_its_comments_along_and_says_its_id(act: Act, ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    id = to_global_id("Review", str(reviews[0].pk))

    assert act("deleteReview", users[0], "deletedId", reviewId=id) == {"deletedId": id, "userErrors": []}
    again = act("deleteReview", users[0], "deletedId", reviewId=id)

    assert [error["code"] for error in again["userErrors"]] == ["NOT_FOUND"]
    assert ask("query ($id: ID!) { node(id: $id) { id } }", id=id)[1] == {"data": {"node": None}}
    assert Review.objects.count() == 8


def test_staff_hide_a_review_and_show_it_again(act: Act, ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    elif_ = users[4]
    elif_.is_staff = True
    elif_.save()
    id = to_global_id("Review", str(reviews[0].pk))
    node = "query ($id: ID!) { node(id: $id) { id } }"

    unexplained = act("hideReview", elif_, "review { id }", reviewId=id, because=" ")
    hidden = act("hideReview", elif_, "review { hiddenBecause }", reviewId=id, because="An insult.")

    assert [(error["field"], error["code"]) for error in unexplained["userErrors"]] == [("because", "INVALID")]
    assert hidden == {"review": {"hiddenBecause": "An insult."}, "userErrors": []}
    assert ask(node, id=id)[1]["data"]["node"] is None
    assert act("showReview", elif_, "review { hiddenBecause }", reviewId=id)["review"] == {"hiddenBecause": None}
    assert ask(node, id=id)[1]["data"]["node"] == {"id": id}
