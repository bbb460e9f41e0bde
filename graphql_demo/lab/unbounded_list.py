"""allReviews returns the whole table.

The naive schema has lists as tutorials show them. Both get the same requests: without a page size, and with
`first: 1000000000`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import graphene
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from graphene_django import DjangoObjectType
from graphene_django.registry import Registry
from graphene_django.views import GraphQLView

from community import models
from community.schema.schema import schema
from community.views import CommunityView
from labkit import Counts, Experiment

ROWS, COMMENTS, MAXIMUM = 1_000, 200, 100
apart = Registry()  # graphene-django has one type a model, and the demo's own schema has it


class NaiveComment(DjangoObjectType):
    class Meta:
        model = models.Comment
        fields = ["body"]
        registry = apart


class NaiveReview(DjangoObjectType):
    comments = graphene.List(NaiveComment, first=graphene.Int())

    class Meta:
        model = models.Review
        fields = ["body"]
        registry = apart

    def resolve_comments(review: models.Review, info: graphene.ResolveInfo, first: int | None = None) -> Any:
        return review.comments.all()[:first]


class NaiveQuery(graphene.ObjectType):
    all_reviews = graphene.List(NaiveReview, first=graphene.Int())

    def resolve_all_reviews(root: Any, info: graphene.ResolveInfo, first: int | None = None) -> Any:
        return models.Review.objects.all()[:first]


NAIVE = {
    "without_first": "{ allReviews { body } }",
    "for_a_billion": "{ allReviews(first: 1000000000) { body } }",
    "for_a_billion_comments": "{ allReviews(first: 1) { comments(first: 1000000000) { body } } }",
}
SOLVED = {
    "without_first": "{ reviews { edges { node { body } } } }",
    "for_a_billion": "{ reviews(first: 1000000000) { edges { node { body } } } }",
    "for_a_billion_comments": "{ reviews(first: 1) { edges { node { comments(first: 1000000000) { edges { node { body } } } } } } }",
    "for_a_hundred": f"{{ reviews(first: {MAXIMUM}) {{ edges {{ node {{ body }} }} }} }}",
}


def fill() -> None:
    """Reviews by as many members of one product; the newest has many comments."""
    models.Product.objects.all().delete()
    members = get_user_model().objects
    members.bulk_create((members.model(username=f"member {n}") for n in range(ROWS)), ignore_conflicts=True)
    product = models.Product.objects.create(sku="SKU-000001", name="Mug", price="4.90")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    authors = members.filter(username__startswith="member ")[:ROWS]
    reviews = models.Review.objects.bulk_create(
        models.Review(author=author, product=product, rating=4, body="row", posted_at=at + timedelta(minutes=n))
        for n, author in enumerate(authors)
    )
    models.Comment.objects.bulk_create(
        models.Comment(review=reviews[-1], author=authors[0], body="comment", posted_at=at) for _ in range(COMMENTS)
    )


def ask(view: Any, queries: dict[str, str]) -> Counts:
    counts: Counts = {}
    for name, query in queries.items():
        request = RequestFactory().post("/graphql/", {"query": query}, content_type="application/json")
        request.session = {}  # type: ignore[assignment]
        answer = view(request).content.decode()
        counts[f"rows_{name}"] = answer.count('"comment"' if "comments" in name else '"row"')
        counts["largest_response_bytes"] = max(counts.get("largest_response_bytes", 0), len(answer))
    return counts


def naive() -> Counts:
    fill()
    return ask(GraphQLView.as_view(schema=graphene.Schema(query=NaiveQuery)), NAIVE)


def solved() -> Counts:
    fill()
    return ask(CommunityView.as_view(schema=schema), SOLVED)


experiment = Experiment(
    challenge="allReviews returns the whole table",
    solution="Relay connections with a maximum page size, for every list",
    load=f"{ROWS:,} reviews, one with {COMMENTS} comments, requested without a page size and with first: 1000000000",
    naive=naive,
    solved=solved,
    breaks=lambda counts: (
        counts["rows_without_first"] == counts["rows_for_a_billion"] == ROWS and counts["rows_for_a_billion_comments"] == COMMENTS
    ),
    holds=lambda counts: (
        counts["rows_for_a_hundred"] == MAXIMUM and all(count <= MAXIMUM for name, count in counts.items() if name.startswith("rows_"))
    ),
    proof=("rows_without_first", "rows_for_a_billion"),
    code="patterns/graphql/connections",
)
