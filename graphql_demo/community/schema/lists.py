"""The arguments of lists: pages, filters and orders."""

import graphene

from community import models
from community.querysets import ProductOrder, ReviewFilter, ReviewOrder
from patterns.graphql.connections import Keyset, Page

MAXIMUM = 100
AFTER = graphene.String(description="The endCursor of the previous page, in the same order.")
PAGE = {"first": graphene.Int(required=True, default_value=20, description=f"1 to {MAXIMUM}"), "after": AFTER}
SHORT_PAGE = {"first": graphene.Int(required=True, default_value=3, description=f"1 to {MAXIMUM}"), "after": AFTER}


def described(value: object) -> str | None:
    return value.value if isinstance(value, ReviewFilter) else None


FILTER = graphene.Enum.from_enum(ReviewFilter, description=described)(required=True, default_value=ReviewFilter.ALL)
REVIEW_ORDER = graphene.Enum.from_enum(ReviewOrder, description=lambda _: None)(required=True, default_value=ReviewOrder.NEWEST)
PRODUCT_ORDER = graphene.Enum.from_enum(ProductOrder, description=lambda _: None)(required=True, default_value=ProductOrder.SKU)


def product_page(order: ProductOrder, first: int, after: str | None = None) -> Page:
    return Page.parse(Keyset(models.Product, order.value), first, after, maximum=MAXIMUM)


def review_page(order: ReviewOrder, first: int, after: str | None = None) -> Page:
    return Page.parse(Keyset(models.Review, order.value), first, after, maximum=MAXIMUM)


def comment_page(first: int, after: str | None = None) -> Page:
    return Page.parse(Keyset(models.Comment, ("posted_at", "id")), first, after, maximum=MAXIMUM)
