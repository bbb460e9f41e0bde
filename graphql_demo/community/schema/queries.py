"""The root fields of queries."""

from typing import Any
from uuid import UUID

import graphene
from django.contrib.auth.models import User
from graphene import ResolveInfo
from graphene.relay import Node
from graphql import GraphQLError
from graphql_relay import from_global_id

from community import batches, models
from community.querysets import ProductOrder, ReviewFilter, ReviewOrder
from community.schema.lists import FILTER, PAGE, PRODUCT_ORDER, REVIEW_ORDER, product_page, review_page
from community.schema.types import Product, ProductConnection, Profile, ReviewConnection
from patterns.graphql.loaders import load, query


class Query(graphene.ObjectType):
    node = graphene.Field(
        Node, id=graphene.ID(required=True), description="Any object by its id. Null if it does not exist, or if you may not see it."
    )
    me = graphene.Field(Profile, description="Null if you are not logged in.")
    profile = graphene.Field(Profile, username=graphene.String(required=True))
    product = graphene.Field(Product, sku=graphene.String(required=True))
    products = graphene.Field(ProductConnection, required=True, **PAGE, order_by=PRODUCT_ORDER)
    reviews = graphene.Field(ReviewConnection, required=True, **PAGE, filter=FILTER, order_by=REVIEW_ORDER)
    feed = graphene.Field(ReviewConnection, **PAGE, description="Reviews by the members you follow, newest first. Needs a login.")

    async def resolve_node(root: Any, info: ResolveInfo, id: str) -> Any:
        kind, key = node_key(id)
        viewer = info.context.user
        if isinstance(key, UUID) and kind == "Review":
            return await load(batches.reviews, key, viewer=viewer)
        if isinstance(key, UUID) and kind == "Comment":
            return await load(batches.comments, key, viewer=viewer)
        if isinstance(key, int) and kind == "Product":
            return await load(batches.products, key)
        if isinstance(key, int) and kind == "Profile":
            return await load(batches.profiles, key)
        return None

    def resolve_me(root: Any, info: ResolveInfo) -> User | None:
        return info.context.user if info.context.user.is_authenticated else None

    def resolve_profile(root: Any, info: ResolveInfo, username: str) -> Any:
        return load(batches.profiles_by_name, username)

    def resolve_product(root: Any, info: ResolveInfo, sku: str) -> Any:
        return load(batches.products_by_sku, sku)

    async def resolve_products(root: Any, info: ResolveInfo, order_by: ProductOrder, **asked: Any) -> Any:
        page = product_page(order_by, **asked)
        return page.connect(await query(list, page.of(models.Product.objects.all())))

    async def resolve_reviews(root: Any, info: ResolveInfo, filter: ReviewFilter, order_by: ReviewOrder, **asked: Any) -> Any:
        page = review_page(order_by, **asked)
        reviews = models.Review.objects.visible_to(info.context.user).shown().that_are(filter)
        return page.connect(await query(list, page.of(reviews)))

    async def resolve_feed(root: Any, info: ResolveInfo, **asked: Any) -> Any:
        viewer = info.context.user
        if not viewer.is_authenticated:
            raise GraphQLError("Log in to see your feed.", extensions={"code": "UNAUTHENTICATED"})
        page = review_page(ReviewOrder.NEWEST, **asked)
        reviews = models.Review.objects.visible_to(viewer).shown().of_those_followed_by(viewer)
        return page.connect(await query(list, page.of(reviews)))


def node_key(global_id: str) -> tuple[str, UUID | int | None]:
    """The type's name and the primary key; no key if the id is malformed."""
    try:
        kind, key = from_global_id(global_id)
        if kind in ("Product", "Profile"):
            return kind, int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None  # a bigint's digits
        return kind, UUID(key)
    except (ValueError, UnicodeError):
        return "", None
