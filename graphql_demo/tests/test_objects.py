"""One object: by its name, by its id, and what of it is for whom."""

from typing import Any

import pytest
from graphql_relay import to_global_id

from community.models import Comment, Follow, Product, Review
from tests.conftest import NOON, Ask

NODE = """query ($id: ID!) { node(id: $id) {
    __typename id ... on Review { body } ... on Comment { body } ... on Product { sku } ... on Profile { username email }
} }"""


@pytest.fixture
def hidden(reviews: list[Review]) -> Review:
    """By anna; her only hidden one."""
    reviews[0].hidden_at, reviews[0].hidden_because = NOON, "An insult."
    reviews[0].save()
    return reviews[0]


@pytest.mark.parametrize(("sku", "name"), [("SKU-000002", "Mug 2"), ("NO-SUCH", None), ("SKU-\x00", None), ("\ud800", None), ("", None)])
def test_a_product_is_found_by_its_sku(ask: Ask, reviews: list[Review], sku: str, name: str | None) -> None:
    _, answer = ask("query ($sku: String!) { product(sku: $sku) { name } }", sku=sku)

    assert answer == {"data": {"product": {"name": name} if name else None}}


@pytest.mark.parametrize(("username", "is_there"), [("anna", True), ("nobody", False), ("\x00", False), ("\ud800", False), ("gone", False)])
def test_a_profile_is_found_by_its_name(ask: Ask, users: list[Any], django_user_model: Any, username: str, is_there: bool) -> None:
    django_user_model.objects.create_user("gone", is_active=False)

    _, answer = ask("query ($name: String!) { profile(username: $name) { username } }", name=username)

    assert answer == {"data": {"profile": {"username": username} if is_there else None}}


def test_everything_is_found_by_the_id_that_it_shows(ask: Ask, reviews: list[Review]) -> None:
    _, answer = ask(
        "{ reviews(first: 1) { edges { node { id author { id } product { id } comments(first: 1) { edges { node { id } } } } } } }"
    )
    review = answer["data"]["reviews"]["edges"][0]["node"]
    ids = [review["id"], review["author"]["id"], review["product"]["id"], review["comments"]["edges"][0]["node"]["id"]]

    nodes = [ask(NODE, id=each)[1]["data"]["node"] for each in ids]

    assert [node["id"] for node in nodes] == ids
    assert [node["__typename"] for node in nodes] == ["Review", "Profile", "Product", "Comment"]


WRONG = ["", "rubbish", "\x00", "\ud800", "ä", to_global_id("Review", "1"), to_global_id("Product", "x"), to_global_id("User", "1")]
WRONG += [to_global_id("Product", "9" * 4000), to_global_id("Profile", "²"), to_global_id("Review", "0" * 32), to_global_id("Like", "1")]


@pytest.mark.parametrize("id", WRONG)
def test_an_id_that_is_none_is_null(ask: Ask, reviews: list[Review], id: str) -> None:
    assert ask(NODE, id=id) == (200, {"data": {"node": None}})


def test_a_hidden_review_is_there_for_its_author_and_staff_only(ask: Ask, hidden: Review, users: list[Any]) -> None:
    anna, ben, carla, *_ = users
    carla.is_staff = True
    carla.save()
    Follow.objects.create(follower=ben, followed=anna)
    comment = Comment.objects.filter(review=hidden).first()
    assert comment
    ways = {
        "reviews": "{ reviews { edges { node { id } } } }",
        "of the product": f'{{ product(sku: "{hidden.product.sku}") {{ reviews {{ edges {{ node {{ id }} }} }} }} }}',
        "of the author": '{ profile(username: "anna") { reviews { edges { node { id } } } } }',
        "node": f'{{ node(id: "{to_global_id("Review", str(hidden.pk))}") {{ id }} }}',
        "comment": f'{{ node(id: "{to_global_id("Comment", str(comment.pk))}") {{ id ... on Comment {{ review {{ id }} }} }} }}',
    }
    feed = "{ feed { edges { node { id } } } }"

    def seen(viewer: Any) -> set[str]:
        return {way for way, query in ways.items() if to_global_id("Review", str(hidden.pk)) in str(ask(query, viewer)[1])}

    assert seen(None) == seen(ben) == set()
    assert seen(anna) == seen(carla) == set(ways)
    assert len(ask(feed, ben)[1]["data"]["feed"]["edges"]) == 2


def test_a_hidden_review_does_not_count_in_its_products_rating(ask: Ask, hidden: Review) -> None:
    Review.objects.filter(pk=hidden.pk).update(rating=1)

    _, answer = ask(f'{{ product(sku: "{hidden.product.sku}") {{ averageRating reviewCount }} }}')

    assert answer["data"]["product"] == {"averageRating": 4.0, "reviewCount": 2}


def test_private_fields_are_for_their_owner_and_staff(ask: Ask, hidden: Review, users: list[Any]) -> None:
    anna, ben, carla, *_ = users
    carla.is_staff = True
    carla.save()
    type(anna).objects.filter(pk=anna.pk).update(email="anna@example.com")
    # the public review of carla's beside it has no reason to show
    query = '{ profile(username: "anna") { email reviews(orderBy: OLDEST, first: 1) { edges { node { hiddenBecause } } } } }'

    def shown(viewer: Any) -> tuple[str | None, list[str | None]]:
        profile = ask(query, viewer)[1]["data"]["profile"]
        return profile["email"], [edge["node"]["hiddenBecause"] for edge in profile["reviews"]["edges"]]

    assert shown(anna) == shown(carla) == ("anna@example.com", ["An insult."])
    assert shown(ben) == shown(None) == (None, [None])


def test_me_is_the_member_who_asks(ask: Ask, users: list[Any]) -> None:
    Follow.objects.create(follower=users[0], followed=users[1])
    query = "{ me { username followerCount followingCount followedByMe } }"

    assert ask(query)[1] == {"data": {"me": None}}
    me = ask(query, users[0])[1]["data"]["me"]
    assert me == {"username": "anna", "followerCount": 0, "followingCount": 1, "followedByMe": False}
    other = '{ profile(username: "ben") { followedByMe followerCount } }'
    assert ask(other, users[0])[1]["data"]["profile"] == {"followedByMe": True, "followerCount": 1}
    assert ask(other, users[2])[1]["data"]["profile"]["followedByMe"] is False


def test_a_product_without_reviews_has_no_mean(ask: Ask, db: None) -> None:
    Product.objects.create(sku="SKU-000009", name="Vase", price="1.00")

    _, answer = ask('{ product(sku: "SKU-000009") { averageRating reviewCount price reviews { edges { cursor } } } }')

    assert answer["data"]["product"] == {"averageRating": None, "reviewCount": 0, "price": "1.00", "reviews": {"edges": []}}
