"""The community: what customers say about products, and about what others said."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

cursors = Signer(salt="community.feed")  # signed: nobody but us makes one, so a cursor that verifies is well-formed
REVIEWED = "You have reviewed this product."
STARS = "A rating is 1 to 5 stars."


class BadCursor(Exception):
    """A cursor that this service did not give out."""


def storable(text: str) -> None:
    if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text):
        raise ValidationError("NUL and lone surrogates cannot be kept.")


class ProductQuerySet(models.QuerySet["Product"]):
    def by_sku(self, skus: Iterable[str]) -> dict[str, "Product"]:
        """What is there of these. NUL and lone surrogates are in no SKU, and PostgreSQL refuses to be asked for them."""
        return self.in_bulk([sku for sku in skus if sku.isprintable()], field_name="sku")


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["sku"]

    def __str__(self) -> str:
        return self.sku


class ReviewQuerySet(models.QuerySet["Review"]):
    def after(self, cursor: str) -> Self:
        """What follows the review of this cursor in the feed, also when newer ones have come meanwhile. Raises BadCursor."""
        try:
            posted_at, pk = cursors.unsign_object(cursor)
        except (BadSignature, UnicodeError) as error:
            raise BadCursor from error
        posted_at = datetime.fromisoformat(posted_at)
        # the bound outside of the OR lets the index begin here: with the OR alone it would read all that is newer
        return self.filter(Q(posted_at__lt=posted_at) | Q(pk__lt=pk), posted_at__lte=posted_at)


class Review(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reviews")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    rating = models.PositiveSmallIntegerField()  # stars, 1 to 5
    body = models.TextField(validators=[MaxLengthValidator(5000), storable])
    posted_at = models.DateTimeField()

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-posted_at", "-id"]  # the id breaks ties, so that a page never repeats or skips one
        indexes = [models.Index(fields=["-posted_at", "-id"], name="review_feed")]
        constraints = [
            models.UniqueConstraint(fields=["author", "product"], name="one_review_per_product", violation_error_message=REVIEWED),
            models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="one_to_five_stars", violation_error_message=STARS),
        ]

    def __str__(self) -> str:
        return f"{self.rating} stars for product {self.product_id}"

    @property
    def cursor(self) -> str:
        return cursors.sign_object([self.posted_at.isoformat(), str(self.pk)])


class CommentQuerySet(models.QuerySet["Comment"]):
    def first_of_each_review(self, count: int) -> Self:
        """The oldest comments of each review, `count` at most. A slice would count over all reviews together."""
        place = Window(RowNumber(), partition_by=F("review"), order_by=["posted_at", "id"])
        return self.annotate(place=place).filter(place__lte=count).order_by("posted_at", "id")


class Comment(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="comments")
    body = models.TextField(validators=[MaxLengthValidator(2000), storable])
    posted_at = models.DateTimeField()

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["posted_at", "id"]
        indexes = [models.Index(fields=["review", "posted_at", "id"], name="comments_of_a_review")]

    def __str__(self) -> str:
        return f"a comment on {self.review_id}"


class Like(models.Model):
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="likes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="likes")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "user"], name="one_like_per_user")]

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.review_id}"


class Follow(models.Model):
    follower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="following")
    followed = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="followers")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="one_follow_per_pair"),
            models.CheckConstraint(condition=~Q(follower=F("followed")), name="nobody_follows_themselves"),
        ]

    def __str__(self) -> str:
        return f"{self.follower_id} follows {self.followed_id}"
