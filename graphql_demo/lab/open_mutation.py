"""Anyone can delete a review.

Each role tries each mutation on another member's review, and the experiment reads from the database whether
it worked. The naive mutations do not check permissions, because the page shows the button only to those who
may use it. They take the author from the input.
"""

from itertools import product as pairs
from typing import Any

import graphene
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone
from graphene_django.views import GraphQLView
from graphql_relay import to_global_id

from community.models import Product, Review
from community.schema.schema import schema
from community.views import CommunityView
from labkit import Counts, Experiment
from labkit.tokens import login_header

ROLES = ("visitor", "stranger", "author", "staff")
# who may; the naive mutation's text, the solved one's
ACTIONS = {
    "post as the author": (
        {"author"},
        'postReview(author: "author", sku: "SKU-000002", body: "New.")',
        'postReview(input: {sku: "SKU-000002", rating: 5, body: "New."})',
    ),
    "edit": ({"author"}, 'editReview(id: "%s", body: "Bad.")', 'editReview(input: {reviewId: "%s", body: "Bad."})'),
    "delete": ({"author", "staff"}, 'deleteReview(id: "%s")', 'deleteReview(input: {reviewId: "%s"})'),
    "hide": ({"staff"}, 'hideReview(id: "%s")', 'hideReview(input: {reviewId: "%s", because: "I may."})'),
}


class NaivePostReview(graphene.Mutation):
    class Arguments:
        author = graphene.String()
        sku = graphene.String()
        body = graphene.String()

    ok = graphene.Boolean()

    def mutate(root: Any, info: graphene.ResolveInfo, author: str, sku: str, body: str) -> "NaivePostReview":
        writer = get_user_model().objects.get(username=author)
        product = Product.objects.get(sku=sku)
        Review.objects.create(author=writer, product=product, rating=5, body=body, posted_at=timezone.now())
        return NaivePostReview(ok=True)


class NaiveEditReview(graphene.Mutation):
    class Arguments:
        id = graphene.ID()
        body = graphene.String()

    ok = graphene.Boolean()

    def mutate(root: Any, info: graphene.ResolveInfo, id: str, body: str) -> "NaiveEditReview":
        review = Review.objects.get(pk=id)
        review.body = body
        review.save()
        return NaiveEditReview(ok=True)


class NaiveDeleteReview(graphene.Mutation):
    class Arguments:
        id = graphene.ID()

    ok = graphene.Boolean()

    def mutate(root: Any, info: graphene.ResolveInfo, id: str) -> "NaiveDeleteReview":
        Review.objects.get(pk=id).delete()
        return NaiveDeleteReview(ok=True)


class NaiveHideReview(graphene.Mutation):
    class Arguments:
        id = graphene.ID()

    ok = graphene.Boolean()

    def mutate(root: Any, info: graphene.ResolveInfo, id: str) -> "NaiveHideReview":
        Review.objects.filter(pk=id).update(hidden_at=timezone.now())
        return NaiveHideReview(ok=True)


class NaiveMutation(graphene.ObjectType):
    post_review = NaivePostReview.Field()
    edit_review = NaiveEditReview.Field()
    delete_review = NaiveDeleteReview.Field()
    hide_review = NaiveHideReview.Field()


class NaiveQuery(graphene.ObjectType):
    nothing = graphene.Int()


def fill() -> Review:
    Product.objects.all().delete()
    users = {name: get_user_model().objects.get_or_create(username=name, is_staff=name == "staff")[0] for name in ROLES[1:]}
    mug, _ = (Product.objects.create(sku=f"SKU-00000{n}", name="Mug", price="4.90") for n in (1, 2))
    return Review.objects.create(author=users["author"], product=mug, rating=4, body="Good.", posted_at=timezone.now())


def state() -> list[Any]:
    return list(Review.objects.order_by("product__sku").values_list("author__username", "body", "hidden_at"))


def try_all(view: Any, side: int, selection: str, review_id: str) -> Counts:
    counts: Counts = {"attempts": 0, "wrong_successes": 0, "wrong_refusals": 0}
    for role, (may, *texts) in pairs(ROLES, ACTIONS.values()):
        text = texts[side] % review_id if "%s" in texts[side] else texts[side]
        token = {} if role == "visitor" else login_header(role, role)
        request = RequestFactory().post(
            "/", {"query": f"mutation {{ {text} {selection} }}"}, content_type="application/json", headers=token
        )
        request.session = {}  # type: ignore[assignment]
        with transaction.atomic():
            before = state()
            view(request)
            after = state()
            # another's review that stands under the stranger's own name is no wrong: it is the stranger's
            done = after != before and [row for row in after if row[0] == "author"] != [row for row in before if row[0] == "author"]
            transaction.set_rollback(True)
        counts["attempts"] += 1
        counts["wrong_successes"] += done and role not in may
        counts["wrong_refusals"] += not done and role in may
    return counts


def naive() -> Counts:
    review = fill()
    view = GraphQLView.as_view(schema=graphene.Schema(query=NaiveQuery, mutation=NaiveMutation))
    return try_all(view, 0, "{ ok }", str(review.pk))


def solved() -> Counts:
    review = fill()
    view = CommunityView.as_view(schema=schema)
    return try_all(view, 1, "{ userErrors { code } }", to_global_id("Review", str(review.pk)))


experiment = Experiment(
    challenge="Anyone can delete a review",
    solution="the service checks permissions for every caller, and a refusal is a typed error",
    load=f"{len(ROLES)} roles try {len(ACTIONS)} mutations on the author's reviews",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["wrong_successes"] > 0,
    holds=lambda counts: (counts["wrong_successes"], counts["wrong_refusals"]) == (0, 0),
    proof=("wrong_successes",),
    code="community/permissions.py",
)
