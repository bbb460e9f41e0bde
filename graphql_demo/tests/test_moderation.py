"""What moderators have hidden stays hidden, whatever its author does."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from graphql_relay import to_global_id

from community import services
from community.models import Comment, Review
from patterns.messaging.outbox.models import OutboxEvent
from tests.conftest import NOON, Act, Ask

AGAIN = {"sku": "SKU-000001", "rating": 1, "body": "The same insult."}
NODE = "query ($id: ID!) { node(id: $id) { id } }"


@pytest.fixture
def staff(users: list[Any]) -> Any:
    users[4].is_staff = True
    users[4].save()
    return users[4]


@pytest.fixture
def id(reviews: list[Review]) -> str:
    """Anna's review of SKU-000001."""
    return to_global_id("Review", str(reviews[0].pk))


def seen(ask: Ask, id: str, user: Any = None) -> bool:
    return ask(NODE, user, id=id)[1]["data"]["node"] is not None


def repost(act: Act, user: Any, is_bulk: bool = False) -> Any:
    if is_bulk:
        return act("postReviews", user, "results { review { id hiddenBecause } }", reviews=[AGAIN])["results"][0]["review"]
    return act("postReview", user, "review { id hiddenBecause }", **AGAIN)["review"]


@pytest.mark.parametrize("is_bulk", [False, True])
@pytest.mark.parametrize("by", ["hiding", "deleting"])
def test_a_moderated_review_that_is_reposted_is_hidden(
    act: Act, ask: Ask, id: str, users: list[Any], staff: Any, by: str, is_bulk: bool
) -> None:
    if by == "hiding":
        act("hideReview", staff, "review { id }", reviewId=id, because="An insult.")
        act("deleteReview", users[0], "deletedId", reviewId=id)
    else:
        act("deleteReview", staff, "deletedId", reviewId=id)
    posted = repost(act, users[0], is_bulk)

    assert posted["hiddenBecause"]
    assert [seen(ask, posted["id"], user) for user in (None, users[1], users[0], staff)] == [False, False, True, True]
    assert not OutboxEvent.objects.exists()


def test_a_review_that_was_held_is_announced_when_staff_show_it(act: Act, ask: Ask, id: str, users: list[Any], staff: Any) -> None:
    act("deleteReview", staff, "deletedId", reviewId=id)
    posted = repost(act, users[0])
    act("hideReview", staff, "review { id }", reviewId=posted["id"], because="Read again.")
    for _ in range(2):
        act("showReview", staff, "review { id }", reviewId=posted["id"])

    assert seen(ask, posted["id"])
    [event] = OutboxEvent.objects.all()
    assert event.payload["data"]["author"] == "anna"


def test_showing_a_review_ends_the_hold(act: Act, ask: Ask, id: str, users: list[Any], staff: Any) -> None:
    act("hideReview", staff, "review { id }", reviewId=id, because="An insult.")
    act("showReview", staff, "review { id }", reviewId=id)
    act("deleteReview", users[0], "deletedId", reviewId=id)

    assert seen(ask, repost(act, users[0])["id"])


def test_a_hold_is_for_one_member_and_one_product(act: Act, ask: Ask, id: str, reviews: list[Review], users: list[Any], staff: Any) -> None:
    act("deleteReview", staff, "deletedId", reviewId=id)
    other = act("postReview", users[3], "review { id }", **AGAIN)["review"]["id"]
    act("deleteReview", users[0], "deletedId", reviewId=to_global_id("Review", str(reviews[1].pk)))
    elsewhere = act("postReview", users[0], "review { id }", **AGAIN | {"sku": "SKU-000002"})["review"]["id"]

    assert seen(ask, other)
    assert seen(ask, elsewhere)


def test_an_edited_review_stays_hidden(act: Act, ask: Ask, id: str, users: list[Any], staff: Any) -> None:
    act("hideReview", staff, "review { id }", reviewId=id, because="An insult.")
    act("editReview", users[0], "review { id }", reviewId=id, body="Sorry.")

    assert not seen(ask, id)


@pytest.mark.django_db(transaction=True)
def test_a_repost_that_races_with_its_deletion_by_staff_is_hidden(reviews: list[Review], users: list[Any], staff: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.fail("a race needs a database that lets both in: set DATABASE_URL")
    deleted, posting = Event(), Event()

    def delete() -> None:
        with transaction.atomic():
            services.delete_review(actor=staff, review_id=reviews[0].pk)
            deleted.set()
            posting.wait(5)
        connection.close()

    def post() -> Any:
        deleted.wait(5)
        posting.set()
        try:
            return services.post_reviews(actor=users[0], reviews=[AGAIN], posted_at=NOON)[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        ending, posted = pool.submit(delete), pool.submit(post)
    ending.result()
    result = posted.result()

    assert not isinstance(result, Review) or result.hidden_at
    assert not Review.objects.filter(author=users[0], product=reviews[0].product, hidden_at=None).exists()


# --- comments -------------------------------------------------------------------------


@pytest.fixture
def comment(reviews: list[Review]) -> Comment:
    """David's, on anna's review."""
    return reviews[0].comments.get(body="comment 0")


def comments(ask: Ask, id: str, user: Any = None) -> tuple[int, list[str]]:
    """The count, and the texts that are listed."""
    query = "query ($id: ID!) { node(id: $id) { ... on Review { commentCount comments(first: 10) { edges { node { body } } } } } }"
    review = ask(query, user, id=id)[1]["data"]["node"]
    return review["commentCount"], [edge["node"]["body"] for edge in review["comments"]["edges"]]


def test_staff_hide_a_comment_and_show_it_again(act: Act, ask: Ask, id: str, comment: Comment, users: list[Any], staff: Any) -> None:
    comment_id = to_global_id("Comment", str(comment.pk))
    unexplained = act("hideComment", staff, "comment { id }", commentId=comment_id, because=" ")
    hidden = act("hideComment", staff, "comment { hiddenBecause }", commentId=comment_id, because="An insult.")
    left = ["comment 1", "comment 2", "comment 3"]

    assert [(error["field"], error["code"]) for error in unexplained["userErrors"]] == [("because", "INVALID")]
    assert hidden == {"comment": {"hiddenBecause": "An insult."}, "userErrors": []}
    for user in (None, users[0], users[1]):
        assert (seen(ask, comment_id, user), comments(ask, id, user)) == (False, (3, left))
    for user in (users[3], staff):  # its author, and staff
        assert (seen(ask, comment_id, user), comments(ask, id, user)) == (True, (4, ["comment 0", *left]))
    shown = act("showComment", staff, "comment { hiddenBecause }", commentId=comment_id)
    assert shown == {"comment": {"hiddenBecause": None}, "userErrors": []}
    assert comments(ask, id) == (4, ["comment 0", *left])


def test_a_hidden_comment_that_is_repeated_is_hidden(act: Act, ask: Ask, id: str, comment: Comment, users: list[Any], staff: Any) -> None:
    comment_id = to_global_id("Comment", str(comment.pk))
    act("hideComment", staff, "comment { id }", commentId=comment_id, because="An insult.")
    said = act("commentOnReview", users[3], "comment { id hiddenBecause }", reviewId=id, body="comment 0")["comment"]
    other = act("commentOnReview", users[1], "comment { id }", reviewId=id, body="Stop it.")["comment"]

    assert said["hiddenBecause"] == "An insult."
    assert (seen(ask, said["id"]), seen(ask, other["id"])) == (False, True)
    for each in (comment_id, said["id"]):
        act("showComment", staff, "comment { id }", commentId=each)
    again = act("commentOnReview", users[3], "comment { id }", reviewId=id, body="Sorry.")["comment"]
    assert seen(ask, again["id"])


def test_a_review_with_hidden_comments_only_is_not_discussed(ask: Ask, reviews: list[Review]) -> None:
    Comment.objects.exclude(review=reviews[1]).delete()
    Comment.objects.update(hidden_at=NOON)

    assert ask("{ reviews(filter: DISCUSSED) { edges { cursor } } }")[1]["data"]["reviews"]["edges"] == []


@pytest.mark.parametrize("wrong", ["", "\x00", to_global_id("Review", "0" * 32), to_global_id("Comment", "0" * 32)])
def test_a_comment_that_does_not_exist_is_not_found(act: Act, staff: Any, wrong: str) -> None:
    payload = act("hideComment", staff, "", commentId=wrong, because="An insult.")

    assert [(error["field"], error["code"]) for error in payload["userErrors"]] == [("commentId", "NOT_FOUND")]
