"""The feed on strawberry-django, with its optimizer, and its parsing and validation cached."""

from typing import Any

import strawberry
import strawberry_django
from django.contrib.auth import get_user_model
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from strawberry import relay
from strawberry.django.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoListConnection

from community.models import Comment, Like, Product, Review
from community.tokens import bearer


@strawberry_django.type(get_user_model())
class BerryUser:
    username: strawberry.auto


@strawberry_django.type(Product)
class BerryProduct:
    sku: strawberry.auto
    name: strawberry.auto


@strawberry_django.type(Comment, pagination=True)
class BerryComment(relay.Node):
    body: strawberry.auto
    author: BerryUser


def number(model: Any) -> Any:
    return Coalesce(Subquery(model.objects.filter(review=OuterRef("pk")).order_by().values("review").values_list(Count("pk"))), 0)


@strawberry_django.type(Review, pagination=True)
class BerryReview(relay.Node):
    rating: strawberry.auto
    body: strawberry.auto
    author: BerryUser
    product: BerryProduct
    like_count: int = strawberry_django.field(annotate=number(Like))
    comment_count: int = strawberry_django.field(annotate=number(Comment))
    comments: DjangoListConnection[BerryComment] = strawberry_django.connection()
    plain_comments: list[BerryComment] = strawberry_django.field(field_name="comments", pagination=True)

    @classmethod
    def get_queryset(cls, queryset: Any, info: strawberry.Info) -> Any:
        viewer = info.context.request.user
        return queryset.visible_to(viewer).of_those_followed_by(viewer)


@strawberry.type
class BerryQuery:
    feed: DjangoListConnection[BerryReview] = strawberry_django.connection()
    plain_feed: list[BerryReview] = strawberry_django.field(pagination=True)


PLAIN_QUERY = """query ($first: Int!) { plainFeed(pagination: {limit: $first}) {
    rating body author { username } product { sku name } likeCount commentCount
    plainComments(pagination: {limit: 3}) { body author { username } }
} }"""
berry_schema = strawberry.Schema(query=BerryQuery, extensions=[DjangoOptimizerExtension, ParserCache(), ValidationCache()])  # type: ignore[list-item]


class BerryView(GraphQLView):
    def get_context(self, request: HttpRequest, response: HttpResponse) -> Any:
        request.user = bearer(request.headers["Authorization"])  # type: ignore[assignment]
        return super().get_context(request, response)
