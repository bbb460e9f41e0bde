"""The GraphQL schema. Resolvers run on an event loop, where Django refuses queries: they `load`, or iterate asynchronously."""

from typing import Any

import graphene
from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from graphene import ResolveInfo
from graphene_django import DjangoObjectType
from graphql import GraphQLError

from community import batches, models
from community.services import post_review
from patterns.loaders import load

FEED_MAXIMUM = 100
COMMENTS_MAXIMUM = 20  # for each review: a whole feed has 2,000 at most


class Author(graphene.ObjectType):
    username = graphene.String(required=True)
    follower_count = graphene.Int(required=True)

    def resolve_follower_count(author: Any, info: ResolveInfo) -> Any:
        return load(batches.follower_counts, author.pk)


class Product(DjangoObjectType):
    class Meta:
        model = models.Product
        fields = ["sku", "name"]


class Comment(DjangoObjectType):
    id = graphene.ID(required=True)
    author = graphene.Field(Author, required=True)

    class Meta:
        model = models.Comment
        fields = ["id", "body", "posted_at"]

    def resolve_author(comment: models.Comment, info: ResolveInfo) -> Any:
        return load(batches.authors, comment.author_id)


class Review(DjangoObjectType):
    id = graphene.ID(required=True)
    author = graphene.Field(Author, required=True)
    product = graphene.Field(Product, required=True)
    like_count = graphene.Int(required=True)
    liked_by_me = graphene.Boolean(required=True, description="False for a visitor who is not logged in.")
    comments = graphene.List(
        graphene.NonNull(Comment),
        required=True,
        first=graphene.Int(required=True, default_value=3, description=f"1 to {COMMENTS_MAXIMUM}"),
        description="The oldest comments.",
    )

    class Meta:
        model = models.Review
        fields = ["id", "rating", "body", "posted_at"]

    def resolve_author(review: models.Review, info: ResolveInfo) -> Any:
        return load(batches.authors, review.author_id)

    def resolve_product(review: models.Review, info: ResolveInfo) -> Any:
        return load(batches.products, review.product_id)

    def resolve_like_count(review: models.Review, info: ResolveInfo) -> Any:
        return load(batches.like_counts, review.pk)

    async def resolve_liked_by_me(review: models.Review, info: ResolveInfo) -> bool:
        viewer = info.context.user
        return viewer.is_authenticated and bool(await load(batches.liked, review.pk, user_id=viewer.pk))

    async def resolve_comments(review: models.Review, info: ResolveInfo, first: int) -> list[models.Comment]:
        check_size(first, COMMENTS_MAXIMUM)
        return await load(batches.first_comments, review.pk, count=first) or []


class ReviewConnection(graphene.relay.Connection):
    class Meta:
        node = Review
        strict_types = True


class Query(graphene.ObjectType):
    feed = graphene.Field(
        ReviewConnection,
        required=True,
        first=graphene.Int(required=True, default_value=20, description=f"1 to {FEED_MAXIMUM}"),
        after=graphene.String(description="An endCursor of a page before."),
        description="Reviews, the newest first.",
    )
    product = graphene.Field(Product, sku=graphene.String(required=True))

    async def resolve_feed(root: Any, info: ResolveInfo, first: int, after: str | None = None) -> ReviewConnection:
        check_size(first, FEED_MAXIMUM)
        try:
            rest = models.Review.objects.all() if after is None else models.Review.objects.after(after)
        except models.BadCursor:
            raise refused("after is not a cursor of this feed") from None
        found = [review async for review in rest[: first + 1]]  # one more shows whether there is a next page
        edges = [ReviewConnection.Edge(node=review, cursor=review.cursor) for review in found[:first]]
        return ReviewConnection(
            edges=edges,
            page_info=graphene.relay.PageInfo(
                has_next_page=len(found) > first,
                has_previous_page=False,  # pages go forward only
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )

    def resolve_product(root: Any, info: ResolveInfo, sku: str) -> Any:
        return load(batches.products_by_sku, sku)


class PostReview(graphene.Mutation):
    class Arguments:
        sku = graphene.String(required=True)
        rating = graphene.Int(required=True, description="1 to 5")
        body = graphene.String(required=True)

    review = graphene.Field(Review, required=True)

    async def mutate(root: Any, info: ResolveInfo, **review: Any) -> "PostReview":
        try:
            posted = await sync_to_async(post_review)(author=info.context.user, posted_at=timezone.now(), **review)
        except PermissionDenied as error:
            raise refused(str(error), "FORBIDDEN") from None
        except ValidationError as error:
            raise refused(" ".join(error.messages)) from None
        return PostReview(review=posted)


class Mutation(graphene.ObjectType):
    post_review = PostReview.Field(description="Posts a review of a product, as the member who is logged in.")


def check_size(first: int, maximum: int) -> None:
    if not 1 <= first <= maximum:
        raise refused(f"first must be 1 to {maximum}")


def refused(message: str, code: str = "BAD_USER_INPUT") -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


schema = graphene.Schema(query=Query, mutation=Mutation)
