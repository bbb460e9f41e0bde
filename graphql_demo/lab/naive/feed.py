"""The feed as graphene-django's tutorial shows it: each field of each row fetches what it needs. And the stock loader."""

from typing import Any

import graphene
from aiodataloader import DataLoader
from django.contrib.auth import get_user_model
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from graphene_django import DjangoConnectionField, DjangoObjectType
from graphene_django.registry import Registry
from graphene_django.views import GraphQLView

from community import models

apart = Registry()  # graphene-django has one type a model, and the demo's own schema has it


class NaiveUser(DjangoObjectType):
    class Meta:
        model = get_user_model()
        fields = ["username"]
        registry = apart


class NaiveProduct(DjangoObjectType):
    class Meta:
        model = models.Product
        fields = ["sku", "name"]
        registry = apart


class NaiveComment(DjangoObjectType):
    class Meta:
        model = models.Comment
        fields = ["body", "author"]
        interfaces = [graphene.relay.Node]
        registry = apart


class NaiveReview(DjangoObjectType):
    like_count = graphene.Int()
    comments = DjangoConnectionField(NaiveComment)

    class Meta:
        model = models.Review
        fields = ["rating", "body", "author", "product"]
        interfaces = [graphene.relay.Node]
        registry = apart

    def resolve_like_count(review: models.Review, info: graphene.ResolveInfo) -> int:
        return review.likes.count()


class NaiveQuery(graphene.ObjectType):
    feed = DjangoConnectionField(NaiveReview)

    def resolve_feed(root: Any, info: graphene.ResolveInfo, **_: Any) -> Any:
        return models.Review.objects.filter(author__followers__follower=info.context.user)


class StockLoader(DataLoader[int, str]):
    async def batch_load_fn(self, keys: list[int]) -> list[str]:
        return [str(key) for key in keys]


class StockQuery(graphene.ObjectType):
    """aiodataloader as its own documentation shows it: a resolver that returns its promise, and one that awaits it."""

    returned = graphene.String()
    awaited = graphene.String()

    def resolve_returned(root: Any, info: graphene.ResolveInfo) -> Any:
        return StockLoader().load(1)

    async def resolve_awaited(root: Any, info: graphene.ResolveInfo) -> str:
        return await StockLoader().load(1)


naive_schema = graphene.Schema(query=NaiveQuery)
urlpatterns = [
    path("graphql/", csrf_exempt(GraphQLView.as_view(schema=naive_schema))),
    path("stock/", csrf_exempt(GraphQLView.as_view(schema=graphene.Schema(query=StockQuery)))),
]
