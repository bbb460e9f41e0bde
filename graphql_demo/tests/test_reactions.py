from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from graphql_relay import to_global_id

from community.models import Comment, Follow, Like, Product, Review
from community.reactions import like_review
from community.schema.member_mutations import LikeReview
from tests.conftest import NOON, Act

LIKES = "review { likeCount likedByMe }"


@pytest.fixture
def review(users: list[Any]) -> Review:
    product = Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")
    return Review.objects.create(author=users[0], product=product, rating=4, body="Good.", posted_at=NOON)


@pytest.fixture
def id(review: Review) -> str:
    return to_global_id("Review", str(review.pk))


def test_a_like_counts_once_however_often_it_is_given(act: Act, id: str, users: list[Any]) -> None:
    for _ in range(3):
        assert act("likeReview", users[1], LIKES, reviewId=id) == {"review": {"likeCount": 1, "likedByMe": True}, "userErrors": []}
    for _ in range(2):
        assert act("unlikeReview", users[1], LIKES, reviewId=id) == {"review": {"likeCount": 0, "likedByMe": False}, "userErrors": []}


@pytest.mark.django_db(transaction=True)
def test_likes_that_race_count_once(review: Review, users: list[Any]) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("a race needs a database that lets both in: set DATABASE_URL")

    def like(_: int) -> None:
        try:
            like_review(actor=users[1], review_id=review.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(like, range(8)))

    assert Like.objects.count() == 1


def test_a_member_comments(act: Act, id: str, users: list[Any]) -> None:
    payload = act("commentOnReview", users[1], "comment { body author { username } review { id } }", reviewId=id, body=" Mine too. ")

    assert payload == {"comment": {"body": "Mine too.", "author": {"username": "ben"}, "review": {"id": id}}, "userErrors": []}


@pytest.mark.parametrize("body", ["", " ", "x" * 2001, "\x00", "\ud800"])
def test_a_bad_comment_is_refused(act: Act, id: str, users: list[Any], body: str) -> None:
    payload = act("commentOnReview", users[1], "comment { id }", reviewId=id, body=body)

    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [("body", "INVALID")]
    assert not Comment.objects.exists()


def test_following_twice_is_following(act: Act, users: list[Any]) -> None:
    shown = "profile { username followerCount followedByMe }"
    for _ in range(2):
        followed = act("follow", users[0], shown, username="ben")["profile"]
        assert followed == {"username": "ben", "followerCount": 1, "followedByMe": True}
    for _ in range(2):
        assert act("unfollow", users[0], shown, username="ben")["profile"]["followerCount"] == 0


@pytest.mark.parametrize(
    ("username", "code"), [("anna", "INVALID"), ("nobody", "NOT_FOUND"), ("\x00", "NOT_FOUND"), ("\ud800", "NOT_FOUND")]
)
def test_nobody_follows_themselves_or_nobody(act: Act, users: list[Any], username: str, code: str) -> None:
    payload = act("follow", users[0], "profile { username }", username=username)

    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [("username", code)]
    assert not Follow.objects.exists()


@pytest.mark.parametrize("action", ["likeReview", "unlikeReview", "commentOnReview", "editReview", "deleteReview"])
@pytest.mark.parametrize("wrong", ["", "rubbish", "\x00", to_global_id("Product", "1"), to_global_id("Review", "0" * 32), "hidden"])
def test_what_one_does_not_see_is_not_found(act: Act, id: str, review: Review, users: list[Any], action: str, wrong: str) -> None:
    Review.objects.filter(pk=review.pk).update(hidden_at=NOON)
    body = {"body": "x"} if action == "commentOnReview" else {}

    payload = act(action, users[1], "", reviewId=id if wrong == "hidden" else wrong, **body)

    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [("reviewId", "NOT_FOUND")]


def test_a_review_that_goes_meanwhile_is_a_conflict(
    act: Act, id: str, review: Review, users: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import IntegrityError

    def gone(**_: Any) -> None:
        raise IntegrityError("insert or update violates foreign key constraint")

    monkeypatch.setattr(LikeReview, "service", staticmethod(gone))

    payload = act("likeReview", users[1], LIKES, reviewId=id)

    assert [error["code"] for error in payload["userErrors"]] == ["CONFLICT"]
    assert "constraint" not in str(payload)
