"""Batches for the loaders: each function answers for many keys with one query."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Avg, Count

from community.models import Comment, Follow, Like, Product, Review
from community.querysets import ReviewFilter, Viewer
from patterns.graphql.connections import Page


def profiles(ids: Sequence[int]) -> Mapping[int, User]:
    return get_user_model().objects.in_bulk(ids)


def profiles_by_name(names: Sequence[str]) -> Mapping[str, User]:
    """PostgreSQL refuses NUL and lone surrogates, which no name has."""
    return get_user_model().objects.filter(is_active=True).in_bulk([name for name in names if name.isprintable()], field_name="username")


def follower_counts(user_ids: Sequence[int]) -> Mapping[int, int]:
    return dict(Follow.objects.filter(followed__in=user_ids).values_list("followed").annotate(number=Count("pk")))


def following_counts(user_ids: Sequence[int]) -> Mapping[int, int]:
    return dict(Follow.objects.filter(follower__in=user_ids).values_list("follower").annotate(number=Count("pk")))


def followed(user_ids: Sequence[int], *, viewer_id: int) -> Mapping[int, bool]:
    """True for the members that the viewer follows; others are missing."""
    return dict.fromkeys(Follow.objects.filter(followed__in=user_ids, follower=viewer_id).values_list("followed", flat=True), True)


def products(ids: Sequence[int]) -> Mapping[int, Product]:
    return Product.objects.in_bulk(ids)


def products_by_sku(skus: Sequence[str]) -> Mapping[str, Product]:
    return Product.objects.by_sku(skus)


def ratings(product_ids: Sequence[int], *, viewer: Viewer) -> Mapping[int, tuple[int, float]]:
    """The number of reviews and their mean rating; products without any are missing."""
    rows = Review.objects.visible_to(viewer).filter(product__in=product_ids).order_by().values_list("product")
    return {product_id: (number, mean) for product_id, number, mean in rows.annotate(Count("pk"), Avg("rating"))}


def reviews(ids: Sequence[UUID], *, viewer: Viewer) -> Mapping[UUID, Review]:
    return Review.objects.visible_to(viewer).shown().in_bulk(ids)


def reviews_of_products(product_ids: Sequence[int], *, viewer: Viewer, kind: ReviewFilter, page: Page) -> Mapping[int, list[Review]]:
    return page.of_each(Review.objects.visible_to(viewer).shown().that_are(kind).filter(product__in=product_ids), "product")


def reviews_of_profiles(user_ids: Sequence[int], *, viewer: Viewer, page: Page) -> Mapping[int, list[Review]]:
    return page.of_each(Review.objects.visible_to(viewer).shown().filter(author__in=user_ids), "author")


def like_counts(review_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    return dict(Like.objects.filter(review__in=review_ids).values_list("review").annotate(number=Count("pk")))


def liked(review_ids: Sequence[UUID], *, viewer_id: int) -> Mapping[UUID, bool]:
    """True for the reviews that the viewer likes; others are missing."""
    return dict.fromkeys(Like.objects.filter(review__in=review_ids, user=viewer_id).values_list("review", flat=True), True)


def comment_counts(review_ids: Sequence[UUID], *, viewer: Viewer) -> Mapping[UUID, int]:
    comments = Comment.objects.on_visible_reviews(viewer).filter(review__in=review_ids)
    return dict(comments.order_by().values_list("review").annotate(number=Count("pk")))


def comments(ids: Sequence[UUID], *, viewer: Viewer) -> Mapping[UUID, Comment]:
    return Comment.objects.visible_to(viewer).shown().in_bulk(ids)


def comments_of_reviews(review_ids: Sequence[UUID], *, viewer: Viewer, page: Page) -> Mapping[UUID, list[Comment]]:
    """Only for reviews that the viewer may see: the caller has loaded them."""
    return page.of_each(Comment.objects.on_visible_reviews(viewer).shown().filter(review__in=review_ids), "review")
