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
COMMENT = ("body", "posted_at", "hidden_because", "review")
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


def not_hidden_from(viewer: Viewer, path: str = "") -> Q:
    """What is hidden is visible only to its author and to staff."""
    if viewer.is_staff:
        return Q()
    is_shown = Q(**{f"{path}hidden_at": None})
    return is_shown | Q(**{f"{path}author": viewer.pk}) if viewer.pk else is_shown


class ProductQuerySet(models.QuerySet["Product"]):
    def by_sku(self, skus: Iterable[str]) -> dict[str, "Product"]:
        """PostgreSQL refuses NUL and lone surrogates, which no SKU has."""
        return self.in_bulk([sku for sku in skus if sku.isprintable()], field_name="sku")


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, viewer: Viewer) -> Self:
        return self.filter(not_hidden_from(viewer))

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
            return self.filter(pk__in=self.model.objects.filter(comments__isnull=False, comments__hidden_at=None).values("pk"))
        return self


class CommentQuerySet(models.QuerySet["Comment"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Comments that are not hidden, on reviews that are not."""
        return self.filter(not_hidden_from(viewer), not_hidden_from(viewer, "review__"))

    def on_visible_reviews(self, viewer: Viewer) -> Self:
        """As `visible_to`, for reviews that the viewer is known to see: no join."""
        return self.filter(not_hidden_from(viewer))

    def shown(self) -> Self:
        return self.select_related("author").only(*COMMENT, *AUTHOR)
