from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from community.models import Follow, Like, Review
from tests.conftest import NOON, Ask

THREE_LEVELS = """query ($first: Int!) { feed(first: $first) { edges { node {
    author { username followerCount } product { sku name } likeCount comments { body author { username followerCount } }
} } } }"""
PAGE = "query ($after: String) { feed(first: 4, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } } }"
MINE = "{ feed { edges { node { likedByMe likeCount } } } }"


@pytest.mark.parametrize("first", [2, 9])
def test_a_feed_of_any_length_costs_the_same_queries(ask: Ask, reviews: list[Review], first: int, django_assert_num_queries: Any) -> None:
    # the feed; its authors, their followers, its products, likes and comments; the comments' authors, their followers
    with django_assert_num_queries(8):
        status, answer = ask(THREE_LEVELS, first=first)

    assert (status, len(answer["data"]["feed"]["edges"])) == (200, first)


def test_the_feed_shows_each_review_with_what_belongs_to_it(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    anna, _, carla, *_ = users
    Like.objects.create(review=reviews[-1], user=anna)
    Follow.objects.create(follower=anna, followed=carla)

    _, answer = ask(THREE_LEVELS, first=1)

    [edge] = answer["data"]["feed"]["edges"]
    assert edge["node"] == {
        "author": {"username": "carla", "followerCount": 1},
        "product": {"sku": "SKU-000003", "name": "Mug 3"},
        "likeCount": 1,
        "comments": [
            {"body": "comment 0", "author": {"username": "david", "followerCount": 0}},
            {"body": "comment 1", "author": {"username": "elif", "followerCount": 0}},
            {"body": "comment 2", "author": {"username": "david", "followerCount": 0}},
        ],
    }


def test_each_user_sees_their_own_likes(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    anna, ben, *_ = users
    Like.objects.create(review=reviews[-1], user=anna)

    def liked(user: Any) -> list[bool]:
        return [edge["node"]["likedByMe"] for edge in ask(MINE, user)[1]["data"]["feed"]["edges"]]

    assert liked(anna) == [True] + [False] * 8
    assert liked(ben) == liked(None) == [False] * 9
    assert liked(anna) == [True] + [False] * 8


def test_the_next_request_sees_what_has_changed(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    before = ask(MINE, users[0])[1]["data"]["feed"]["edges"][0]["node"]
    Like.objects.create(review=reviews[-1], user=users[0])
    after = ask(MINE, users[0])[1]["data"]["feed"]["edges"][0]["node"]

    assert before == {"likedByMe": False, "likeCount": 0}
    assert after == {"likedByMe": True, "likeCount": 1}


@pytest.mark.django_db(transaction=True)
def test_users_who_ask_at_the_same_time_get_their_own_answers(reviews: list[Review], users: list[Any]) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("threads need a database that lets them in side by side: set DATABASE_URL")
    for place, user in enumerate(users[:3]):
        Like.objects.create(review=reviews[-1 - place], user=user)

    def likes_of(place: int) -> list[int]:
        client = Client()
        client.force_login(users[place])
        try:
            edges = client.post("/graphql/", {"query": MINE}, content_type="application/json").json()["data"]["feed"]["edges"]
        finally:
            connection.close()
        return [at for at, edge in enumerate(edges) if edge["node"]["likedByMe"]]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(likes_of, [0, 1, 2] * 4))

    assert answers == [[0], [1], [2]] * 4


def test_pages_show_every_review_once_also_when_new_ones_arrive(ask: Ask, reviews: list[Review], django_user_model: Any) -> None:
    Review.objects.update(posted_at=NOON)  # all at the same moment: only the id tells them apart
    seen, after, more = [], None, True
    while more:
        page = ask(PAGE, after=after)[1]["data"]["feed"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        newcomer = django_user_model.objects.create(username=f"newcomer {len(seen)}")
        Review.objects.create(author=newcomer, product=reviews[0].product, rating=1, body="New.", posted_at=NOON + timedelta(days=1))

    assert sorted(seen) == sorted(str(review.pk) for review in reviews)


@pytest.mark.parametrize("first", [-1, 0, 101, 1_000_000_000])
def test_a_page_of_no_or_too_many_reviews_is_refused(ask: Ask, db: None, first: int) -> None:
    status, answer = ask(THREE_LEVELS, first=first)

    assert (status, answer["data"]) == (200, None)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


def test_too_many_comments_are_refused(ask: Ask, reviews: list[Review]) -> None:
    _, answer = ask("{ feed(first: 1) { edges { node { comments(first: 21) { body } } } } }")

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("cursor", ["", "rubbish", "W10:a", "W10:\x00", "W10:\ud800", "ä" * 5000])
def test_a_tampered_cursor_is_refused(ask: Ask, db: None, cursor: str) -> None:
    status, answer = ask(PAGE, after=cursor)

    assert (status, answer["data"]) == (200, None)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(("sku", "name"), [("SKU-000002", "Mug 2"), ("NO-SUCH", None), ("SKU-\x00", None), ("\ud800", None), ("", None)])
def test_a_product_is_found_by_its_sku(ask: Ask, reviews: list[Review], sku: str, name: str | None) -> None:
    _, answer = ask("query ($sku: String!) { product(sku: $sku) { name } }", sku=sku)

    assert answer == {"data": {"product": {"name": name} if name else None}}
