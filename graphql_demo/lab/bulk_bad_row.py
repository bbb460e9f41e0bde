"""One bad row aborts the bulk mutation.

A client sends many reviews in one mutation, and one of them has six stars. The naive mutation saves them in
a loop, in one transaction, as graphene-django's settings advise (ATOMIC_MUTATIONS). The obvious fix removes
the transaction.
"""

from typing import Any

import graphene
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone
from graphene_django.views import GraphQLView

from community.models import Product, Review
from community.schema.schema import schema
from community.views import CommunityView
from labkit import Counts, Experiment
from labkit.tokens import access_token

ROWS, BAD = 100, 49
REVIEWS = [{"sku": f"SKU-{n:06d}", "rating": 6 if n == BAD else 5, "body": "Good."} for n in range(ROWS)]


class NaiveInput(graphene.InputObjectType):
    sku = graphene.String(required=True)
    rating = graphene.Int(required=True)
    body = graphene.String(required=True)


class NaivePostReviews(graphene.Mutation):
    class Arguments:
        reviews = graphene.List(graphene.NonNull(NaiveInput), required=True)

    posted = graphene.Int()

    def mutate(root: Any, info: graphene.ResolveInfo, reviews: list[Any]) -> "NaivePostReviews":
        author = get_user_model().objects.get(username="writer")
        for review in reviews:
            product = Product.objects.get(sku=review.sku)
            Review.objects.create(author=author, product=product, rating=review.rating, body=review.body, posted_at=timezone.now())
        return NaivePostReviews(posted=len(reviews))


class NaivePostReviewsAtOnce(NaivePostReviews):
    class Arguments(NaivePostReviews.Arguments):
        pass

    def mutate(root: Any, info: graphene.ResolveInfo, reviews: list[Any]) -> "NaivePostReviews":
        with transaction.atomic():
            return NaivePostReviews.mutate(root, info, reviews)


class NaiveMutation(graphene.ObjectType):
    post_reviews = NaivePostReviews.Field()
    post_reviews_at_once = NaivePostReviewsAtOnce.Field()


class NaiveQuery(graphene.ObjectType):
    nothing = graphene.Int()


def fill() -> str:
    """A product a row, and a member who has reviewed none. Returns the member's token."""
    Product.objects.all().delete()
    Product.objects.bulk_create(Product(sku=row["sku"], name="Mug", price="4.90") for row in REVIEWS)
    writer, _ = get_user_model().objects.get_or_create(username="writer")
    return access_token(writer.get_username())


def send(view: Any, query: str, variables: dict[str, Any], **headers: str) -> str:
    body = {"query": query, "variables": variables}
    return view(RequestFactory().post("/graphql/", body, content_type="application/json", headers=headers)).content.decode()


def naive() -> Counts:
    view = GraphQLView.as_view(schema=graphene.Schema(query=NaiveQuery, mutation=NaiveMutation))
    counts: Counts = {"rows_sent": ROWS}
    for name, field in {"saved": "postReviewsAtOnce", "saved_without_a_transaction": "postReviews"}.items():
        fill()
        send(view, f"mutation ($r: [NaiveInput!]!) {{ {field}(reviews: $r) {{ posted }} }}", {"r": REVIEWS})
        counts[name] = Review.objects.count()
    return counts


def solved() -> Counts:
    token = fill()
    query = "mutation ($r: [PostReviewInput!]!) { postReviews(input: {reviews: $r}) { results { review { id } userErrors { code } } } }"
    view = CommunityView.as_view(schema=schema)
    answer = send(view, query, {"r": REVIEWS}, Authorization=f"Bearer {token}")
    return {"rows_sent": ROWS, "saved": Review.objects.count(), "rows_with_a_result": answer.count('"userErrors"')}


experiment = Experiment(
    challenge="One bad row aborts the bulk mutation",
    solution="validation per row, one INSERT for the valid rows, and a result per row",
    load=f"a bulk mutation of {ROWS} reviews, one of them with six stars",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["saved"] == 0,
    holds=lambda counts: (counts["saved"], counts["rows_with_a_result"]) == (ROWS - 1, ROWS),
    proof=("saved",),
    code="community/services.py",
)
