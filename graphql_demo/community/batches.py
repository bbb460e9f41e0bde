"""What the resolvers load: each function answers for many keys with one query."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import Count

from community.models import Comment, Like, Product, Review


def authors(ids: Sequence[int]) -> Mapping[int, AbstractUser]:
    return get_user_model().objects.in_bulk(ids)


def follower_counts(user_ids: Sequence[int]) -> Mapping[int, int]:
    return dict(get_user_model().objects.filter(pk__in=user_ids).annotate(number=Count("followers")).values_list("pk", "number"))


def products(ids: Sequence[int]) -> Mapping[int, Product]:
    return Product.objects.in_bulk(ids)


def products_by_sku(skus: Sequence[str]) -> Mapping[str, Product]:
    return Product.objects.by_sku(skus)


def like_counts(review_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    return dict(Review.objects.filter(pk__in=review_ids).annotate(number=Count("likes")).values_list("pk", "number"))


def liked(review_ids: Sequence[UUID], *, user_id: int) -> Mapping[UUID, bool]:
    """True for those that the user likes; the others are missing."""
    return dict.fromkeys(Like.objects.filter(review__in=review_ids, user=user_id).values_list("review", flat=True), True)


def first_comments(review_ids: Sequence[UUID], *, count: int) -> Mapping[UUID, list[Comment]]:
    """The oldest `count` comments of each review; those without any are missing."""
    comments = Comment.objects.filter(review__in=review_ids).first_of_each_review(count)
    by_review = attrgetter("review_id")
    return {review_id: list(group) for review_id, group in groupby(sorted(comments, key=by_review), by_review)}
