"""Every mutation as every role. A new mutation fails here until somebody has said who may."""

from typing import Any

import pytest
from graphql_relay import to_global_id

from community.models import Comment, Review
from community.schema.schema import schema
from tests.conftest import Act

ROLES = ("visitor", "stranger", "author", "staff")
MEMBERS = {"stranger", "author", "staff"}
# who may, and the input that tries it; %s is the author's review, %c a comment on it
ACTIONS: dict[str, tuple[set[str], dict[str, Any]]] = {
    "postReview": (MEMBERS, {"sku": "SKU-000003", "rating": 5, "body": "Good."}),
    "postReviews": (MEMBERS, {"reviews": [{"sku": "SKU-000003", "rating": 5, "body": "Good."}]}),
    "editReview": ({"author"}, {"reviewId": "%s", "rating": 1}),
    "deleteReview": ({"author", "staff"}, {"reviewId": "%s"}),
    "hideReview": ({"staff"}, {"reviewId": "%s", "because": "An insult."}),
    "showReview": ({"staff"}, {"reviewId": "%s"}),
    "hideComment": ({"staff"}, {"commentId": "%c", "because": "An insult."}),
    "showComment": ({"staff"}, {"commentId": "%c"}),
    "commentOnReview": (MEMBERS, {"reviewId": "%s", "body": "Mine too."}),
    "likeReview": (MEMBERS, {"reviewId": "%s"}),
    "unlikeReview": (MEMBERS, {"reviewId": "%s"}),
    "follow": (MEMBERS, {"username": "ben"}),
    "unfollow": (MEMBERS, {"username": "ben"}),
}


def test_for_every_mutation_it_is_said_who_may() -> None:
    assert schema.graphql_schema.mutation_type
    assert set(schema.graphql_schema.mutation_type.fields) == set(ACTIONS)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
def test_only_those_may_who_may(act: Act, reviews: list[Review], users: list[Any], action: str, role: str) -> None:
    user = {"author": users[0], "stranger": users[3], "staff": users[4], "visitor": None}[role]
    if role == "staff":
        user.is_staff = True
        user.save()
    may, template = ACTIONS[action]
    comment = reviews[0].comments.first()
    assert comment
    ids = {"%s": to_global_id("Review", str(reviews[0].pk)), "%c": to_global_id("Comment", str(comment.pk))}
    before = state()

    payload = act(action, user, "", **{name: ids.get(str(value), value) for name, value in template.items()})

    codes = [error["code"] for error in payload["userErrors"]]
    if role in may:
        assert codes in ([], ["TAKEN"])  # anna has reviewed all three
    else:
        assert codes == ["UNAUTHENTICATED" if role == "visitor" else "FORBIDDEN"]
        assert state() == before


def state() -> list[Any]:
    return [*Review.objects.order_by("pk").values(), *Comment.objects.order_by("pk").values()]
