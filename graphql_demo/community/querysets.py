"""QuerySets: visibility, filters, and orders of lists."""

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from community.models import Comment, Product, Review  # noqa: F401 — named in strings

Viewer = User | AnonymousUser
# the columns that are shown. A member has nine more, among them the password's hash
REVIEW = ("rating", "body", "posted_at", "edited_at", "hidden_because")
COMMENT = ("body", "posted_at", "review")
AUTHOR = ("author__username", "author__email")
PRODUCT = ("product__sku", "product__name", "product__price", "product__currency")


class ProductOrder(Enum):
    SKU = ("sku",)
    NAME = ("name", "id")
    CHEAPEST = ("price", "id")
    DEAREST = ("-price", "-id")


class ReviewOrder(Enum):
    """The id breaks ties, so that pages never repeat or skip a row."""

    NEWEST = ("-posted_at", "-id")
    OLDEST = ("posted_at", "id")
    BEST = ("-rating", "-posted_at", "-id")
    WORST = ("rating", "posted_at", "id")


class ReviewFilter(Enum):
    ALL = "all"
    POSITIVE = "4 or 5 stars"
    CRITICAL = "1 or 2 stars"
    DISCUSSED = "with a comment"


class ProductQuerySet(models.QuerySet["Product"]):
    def by_sku(self, skus: Iterable[str]) -> dict[str, "Product"]:
        """PostgreSQL refuses NUL and lone surrogates, which no SKU has."""
        return self.in_bulk([sku for sku in skus if sku.isprintable()], field_name="sku")


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """A hidden review is visible only to its author and to staff."""
        if viewer.is_staff:
            return self
        return self.filter(Q(hidden_at=None) | Q(author=viewer.pk)) if viewer.pk else self.filter(hidden_at=None)

    def shown(self) -> Self:
        """Joins the rows that nearly every client shows: cheaper than a query each."""
        return self.select_related("author", "product").only(*REVIEW, *AUTHOR, *PRODUCT)

    def of_those_followed_by(self, viewer: Viewer) -> Self:
        return self.filter(author__followers__follower=viewer.pk)

    def that_are(self, kind: ReviewFilter) -> Self:
        if kind is ReviewFilter.POSITIVE:
            return self.filter(rating__gte=4)
        if kind is ReviewFilter.CRITICAL:
            return self.filter(rating__lte=2)
        if kind is ReviewFilter.DISCUSSED:
            return self.filter(pk__in=self.model.objects.filter(comments__isnull=False).values("pk"))
        return self


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Comments on reviews that the viewer may see."""
        if viewer.is_staff:
            return self
        return self.filter(Q(review__hidden_at=None) | Q(review__author=viewer.pk)) if viewer.pk else self.filter(review__hidden_at=None)

    def shown(self) -> Self:
        return self.select_related("author").only(*COMMENT, *AUTHOR)
