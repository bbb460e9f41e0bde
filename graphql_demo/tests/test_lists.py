"""Every list: its pages, its filters and orders, its maximum."""

from datetime import timedelta
from typing import Any

import pytest

from community.models import Comment, Product, Review
from tests.conftest import NOON, Ask

PAGE = """query ($after: String, $orderBy: ReviewOrder!) { reviews(first: 4, after: $after, orderBy: $orderBy) {
    edges { node { id } } pageInfo { hasNextPage endCursor }
} }"""
# every list there is, with %s for its arguments
LISTS = [
    "{ reviews%s { edges { cursor } } }",
    "{ feed%s { edges { cursor } } }",
    "{ products%s { edges { cursor } } }",
    '{ product(sku: "SKU-000001") { reviews%s { edges { cursor } } } }',
    '{ profile(username: "anna") { reviews%s { edges { cursor } } } }',
    "{ reviews(first: 1) { edges { node { comments%s { edges { cursor } } } } } }",
]


def code(answer: Any) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


def found(answer: Any, name: str) -> list[Any]:
    return [edge["node"] for edge in answer["data"][name]["edges"]]


@pytest.mark.parametrize("order", ["NEWEST", "OLDEST", "BEST", "WORST"])
def test_pages_show_every_review_once_also_when_new_ones_arrive(
    ask: Ask, reviews: list[Review], django_user_model: Any, order: str
) -> None:
    Review.objects.update(posted_at=NOON)  # all at the same moment, all with as many stars: only the id tells them apart
    away = timedelta(days=1 if order in ("NEWEST", "BEST") else -1)
    seen, after, more = [], None, True
    while more:
        page = ask(PAGE, after=after, orderBy=order)[1]["data"]["reviews"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        newcomer = django_user_model.objects.create(username=f"newcomer {len(seen)}")
        rating = {"BEST": 5, "WORST": 1}.get(order, 4)
        Review.objects.create(author=newcomer, product=reviews[0].product, rating=rating, body="New.", posted_at=NOON + away)

    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("query", LISTS)
@pytest.mark.parametrize("first", [-1, 0, 101])
def test_a_page_of_no_or_too_many_rows_is_refused(ask: Ask, reviews: list[Review], users: list[Any], query: str, first: int) -> None:
    status, answer = ask(query % f"(first: {first})", users[0])

    assert status == 200
    assert code(answer) == "BAD_USER_INPUT"
    assert "cursor" not in str(answer["data"])
    assert len(answer["errors"]) == 1


@pytest.mark.parametrize("query", LISTS)
def test_without_first_a_list_is_short(ask: Ask, reviews: list[Review], users: list[Any], query: str) -> None:
    Review.objects.bulk_create(
        Review(author=users[0], product=product, rating=3, body="Fine.", posted_at=NOON)
        for product in Product.objects.bulk_create(Product(sku=f"SKU-1{n:05d}", name="Mug", price=1) for n in range(40))
    )
    Comment.objects.bulk_create(Comment(review=review, author=users[1], body="x", posted_at=NOON) for review in reviews for _ in range(40))

    _, answer = ask(query % "", users[0])

    assert str(answer).count("'cursor'") <= 20


@pytest.mark.parametrize("cursor", ["", "rubbish", "W10:a", "W10:\x00", "W10:\ud800", "ä" * 5000])
def test_a_tampered_cursor_is_refused(ask: Ask, db: None, cursor: str) -> None:
    status, answer = ask(PAGE, after=cursor, orderBy="NEWEST")

    assert (status, answer["data"]) == (200, None)
    assert code(answer) == "BAD_USER_INPUT"


def test_a_cursor_of_another_order_is_refused(ask: Ask, reviews: list[Review]) -> None:
    cursor = ask(PAGE, orderBy="NEWEST")[1]["data"]["reviews"]["pageInfo"]["endCursor"]

    _, answer = ask(PAGE, after=cursor, orderBy="OLDEST")

    assert code(answer) == "BAD_USER_INPUT"


def test_the_pages_of_many_products_cost_what_those_of_one_do(ask: Ask, reviews: list[Review], django_assert_num_queries: Any) -> None:
    query = """query ($n: Int!) { products(first: $n) { edges { node {
        averageRating reviewCount reviews(first: 2) { edges { node { id } } }
    } } } }"""
    for count in (1, 3):
        with django_assert_num_queries(3):  # products, their ratings, their reviews
            _, answer = ask(query, n=count)

        shown = found(answer, "products")
        assert [len(product["reviews"]["edges"]) for product in shown] == [2] * count
        assert [(product["averageRating"], product["reviewCount"]) for product in shown] == [(4.0, 3)] * count


def test_reviews_are_ordered_and_filtered(ask: Ask, reviews: list[Review]) -> None:
    for review, rating in zip(reviews, [1, 2, 3, 4, 5, 1, 2, 3, 4], strict=True):
        Review.objects.filter(pk=review.pk).update(rating=rating)
    Comment.objects.exclude(review=reviews[2]).delete()

    def ratings(arguments: str) -> list[int]:
        return [node["rating"] for node in found(ask(f"{{ reviews({arguments}) {{ edges {{ node {{ rating }} }} }} }}")[1], "reviews")]

    assert ratings("orderBy: OLDEST") == [1, 2, 3, 4, 5, 1, 2, 3, 4]
    assert ratings("orderBy: NEWEST") == [4, 3, 2, 1, 5, 4, 3, 2, 1]
    assert ratings("orderBy: BEST") == [5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert ratings("orderBy: WORST") == [1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert ratings("filter: POSITIVE, orderBy: WORST") == [4, 4, 5]
    assert ratings("filter: CRITICAL, orderBy: BEST") == [2, 2, 1, 1]
    assert ratings("filter: DISCUSSED") == [3]


@pytest.mark.parametrize(
    ("order", "names"), [("SKU", ["C", "A", "B"]), ("NAME", ["A", "B", "C"]), ("CHEAPEST", ["B", "C", "A"]), ("DEAREST", ["A", "C", "B"])]
)
def test_products_are_ordered(ask: Ask, db: None, order: str, names: list[str]) -> None:
    for sku, name, price in (("1", "C", 20), ("2", "A", 30), ("3", "B", 10)):
        Product.objects.create(sku=sku, name=name, price=price)

    walked, after = [], "null"
    for _ in names:
        [edge] = ask(f"{{ products(first: 1, after: {after}, orderBy: {order}) {{ edges {{ cursor node {{ name }} }} }} }}")[1]["data"][
            "products"
        ]["edges"]
        walked.append(edge["node"]["name"])
        after = f'"{edge["cursor"]}"'

    assert walked == names
