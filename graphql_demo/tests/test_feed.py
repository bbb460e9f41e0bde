from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from community.models import Follow, Like, Review
from tests.conftest import Ask

THREE_LEVELS = """query ($first: Int!) { reviews(first: $first) { edges { node {
    author { username followerCount } product { sku name } likeCount
    comments { edges { node { body author { username followerCount } } } }
} } } }"""
MINE = "{ reviews { edges { node { likedByMe likeCount } } } }"
FEED = "{ feed { edges { node { author { username } } } } }"


@pytest.mark.parametrize("first", [2, 9])
def test_a_list_of_any_length_costs_the_same_queries(ask: Ask, reviews: list[Review], first: int, django_assert_num_queries: Any) -> None:
    # the reviews with authors and products; their authors' followers, their likes, their comments with authors; those authors' followers
    with django_assert_num_queries(5):
        status, answer = ask(THREE_LEVELS, first=first)

    assert (status, len(answer["data"]["reviews"]["edges"])) == (200, first)


def test_a_list_shows_each_review_with_what_belongs_to_it(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    anna, _, carla, *_ = users
    Like.objects.create(review=reviews[-1], user=anna)
    Follow.objects.create(follower=anna, followed=carla)

    _, answer = ask(THREE_LEVELS, first=1)

    [edge] = answer["data"]["reviews"]["edges"]
    assert edge["node"] == {
        "author": {"username": "carla", "followerCount": 1},
        "product": {"sku": "SKU-000003", "name": "Mug 3"},
        "likeCount": 1,
        "comments": {
            "edges": [
                {"node": {"body": "comment 0", "author": {"username": "david", "followerCount": 0}}},
                {"node": {"body": "comment 1", "author": {"username": "elif", "followerCount": 0}}},
                {"node": {"body": "comment 2", "author": {"username": "david", "followerCount": 0}}},
            ]
        },
    }


def test_each_user_sees_their_own_likes(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    anna, ben, *_ = users
    Like.objects.create(review=reviews[-1], user=anna)

    def liked(user: Any) -> list[bool]:
        return [edge["node"]["likedByMe"] for edge in ask(MINE, user)[1]["data"]["reviews"]["edges"]]

    assert liked(anna) == [True] + [False] * 8
    assert liked(ben) == liked(None) == [False] * 9
    assert liked(anna) == [True] + [False] * 8


def test_the_next_request_sees_what_has_changed(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    before = ask(MINE, users[0])[1]["data"]["reviews"]["edges"][0]["node"]
    Like.objects.create(review=reviews[-1], user=users[0])
    after = ask(MINE, users[0])[1]["data"]["reviews"]["edges"][0]["node"]

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
            edges = client.post("/graphql/", {"query": MINE}, content_type="application/json").json()["data"]["reviews"]["edges"]
        finally:
            connection.close()
        return [at for at, edge in enumerate(edges) if edge["node"]["likedByMe"]]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(likes_of, [0, 1, 2] * 4))

    assert answers == [[0], [1], [2]] * 4


def test_the_feed_is_of_those_whom_one_follows(ask: Ask, reviews: list[Review], users: list[Any]) -> None:
    anna, ben, carla, *_ = users
    Follow.objects.create(follower=anna, followed=carla)
    Follow.objects.create(follower=ben, followed=anna)

    def authors(user: Any) -> list[str]:
        return [edge["node"]["author"]["username"] for edge in ask(FEED, user)[1]["data"]["feed"]["edges"]]

    assert authors(anna) == ["carla"] * 3
    assert authors(ben) == ["anna"] * 3
    assert authors(carla) == []


def test_a_visitor_has_no_feed(ask: Ask, reviews: list[Review]) -> None:
    status, answer = ask(FEED)

    assert (status, answer["data"]) == (200, {"feed": None})
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
