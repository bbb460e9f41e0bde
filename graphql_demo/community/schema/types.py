"""The object types. A resolver that queried would do so for each row, so resolvers `load`."""

from typing import Any

import graphene
from django.contrib.auth.models import User
from django.db.models import Model
from graphene import ResolveInfo
from graphene.relay import Connection, Node
from graphene_django import DjangoObjectType

from community import batches, models
from community.permissions import email_of, reason_hidden
from community.querysets import ReviewFilter, ReviewOrder
from community.schema.lists import FILTER, PAGE, REVIEW_ORDER, SHORT_PAGE, comment_page, review_page
from patterns.graphql import connections
from patterns.graphql.loaders import load

HIDDEN_BECAUSE = "The moderators' reason, for the author and for staff. Null for others."


class Profile(DjangoObjectType):
    """A member."""

    email = graphene.String(description="For its owner and for staff. Null for others.")
    follower_count = graphene.Int(required=True)
    following_count = graphene.Int(required=True)
    followed_by_me = graphene.Boolean(required=True, description="False if you are not logged in.")
    reviews = graphene.Field(lambda: ReviewConnection, required=True, **PAGE, order_by=REVIEW_ORDER)

    class Meta:
        model = User
        fields = ["username"]
        interfaces = [Node]

    def resolve_email(profile: User, info: ResolveInfo) -> str | None:
        return email_of(info.context.user, profile)

    async def resolve_follower_count(profile: User, info: ResolveInfo) -> int:
        return await load(batches.follower_counts, profile.pk) or 0

    async def resolve_following_count(profile: User, info: ResolveInfo) -> int:
        return await load(batches.following_counts, profile.pk) or 0

    async def resolve_followed_by_me(profile: User, info: ResolveInfo) -> bool:
        viewer = info.context.user
        return viewer.is_authenticated and bool(await load(batches.followed, profile.pk, viewer_id=viewer.pk))

    async def resolve_reviews(profile: User, info: ResolveInfo, order_by: ReviewOrder, **asked: Any) -> Any:
        page = review_page(order_by, **asked)
        return page.connect(await load(batches.reviews_of_profiles, profile.pk, viewer=info.context.user, page=page) or [])


class Product(DjangoObjectType):
    review_count = graphene.Int(required=True)
    average_rating = graphene.Float(description="1 to 5. Null if there is no review.")
    reviews = graphene.Field(lambda: ReviewConnection, required=True, **PAGE, filter=FILTER, order_by=REVIEW_ORDER)

    class Meta:
        model = models.Product
        fields = ["sku", "name", "price", "currency"]
        interfaces = [Node]

    async def resolve_review_count(product: models.Product, info: ResolveInfo) -> int:
        return (await load(batches.ratings, product.pk, viewer=info.context.user) or (0, None))[0]

    async def resolve_average_rating(product: models.Product, info: ResolveInfo) -> float | None:
        return (await load(batches.ratings, product.pk, viewer=info.context.user) or (0, None))[1]

    async def resolve_reviews(product: models.Product, info: ResolveInfo, filter: ReviewFilter, order_by: ReviewOrder, **asked: Any) -> Any:
        page = review_page(order_by, **asked)
        viewer = info.context.user
        return page.connect(await load(batches.reviews_of_products, product.pk, viewer=viewer, kind=filter, page=page) or [])


class Comment(DjangoObjectType):
    author = graphene.Field(Profile, required=True)
    review = graphene.Field(lambda: Review, required=True)
    hidden_because = graphene.String(description=HIDDEN_BECAUSE)

    class Meta:
        model = models.Comment
        fields = ["body", "posted_at"]
        interfaces = [Node]

    def resolve_author(comment: models.Comment, info: ResolveInfo) -> Any:
        return joined(comment, "author") or load(batches.profiles, comment.author_id)

    def resolve_review(comment: models.Comment, info: ResolveInfo) -> Any:
        return load(batches.reviews, comment.review_id, viewer=info.context.user)

    def resolve_hidden_because(comment: models.Comment, info: ResolveInfo) -> str | None:
        return reason_hidden(info.context.user, comment)


class CommentConnection(Connection):
    class Meta:
        node = Comment
        strict_types = True


class Review(DjangoObjectType):
    author = graphene.Field(Profile, required=True)
    product = graphene.Field(Product, required=True)
    hidden_because = graphene.String(description=HIDDEN_BECAUSE)
    like_count = graphene.Int(required=True)
    liked_by_me = graphene.Boolean(required=True, description="False if you are not logged in.")
    comment_count = graphene.Int(required=True)
    comments = graphene.Field(CommentConnection, required=True, **SHORT_PAGE, description="Oldest first.")

    class Meta:
        model = models.Review
        fields = ["rating", "body", "posted_at", "edited_at"]
        interfaces = [Node]

    def resolve_author(review: models.Review, info: ResolveInfo) -> Any:
        return joined(review, "author") or load(batches.profiles, review.author_id)

    def resolve_product(review: models.Review, info: ResolveInfo) -> Any:
        return joined(review, "product") or load(batches.products, review.product_id)

    def resolve_hidden_because(review: models.Review, info: ResolveInfo) -> str | None:
        return reason_hidden(info.context.user, review)

    async def resolve_like_count(review: models.Review, info: ResolveInfo) -> int:
        return await load(batches.like_counts, review.pk) or 0

    async def resolve_liked_by_me(review: models.Review, info: ResolveInfo) -> bool:
        viewer = info.context.user
        return viewer.is_authenticated and bool(await load(batches.liked, review.pk, viewer_id=viewer.pk))

    async def resolve_comment_count(review: models.Review, info: ResolveInfo) -> int:
        return await load(batches.comment_counts, review.pk, viewer=info.context.user) or 0

    async def resolve_comments(review: models.Review, info: ResolveInfo, **asked: Any) -> "connections.Connection[models.Comment]":
        page = comment_page(**asked)
        return page.connect(await load(batches.comments_of_reviews, review.pk, viewer=info.context.user, page=page) or [])


def joined(row: Model, name: str) -> Any:
    """The related row, if the row's own query joined it; else None."""
    return row._state.fields_cache.get(name)


class ProductConnection(Connection):
    class Meta:
        node = Product
        strict_types = True


class ReviewConnection(Connection):
    class Meta:
        node = Review
        strict_types = True
