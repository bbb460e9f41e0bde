"""The community: reviews of products, comments, likes and follows."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q

from community.querysets import CommentQuerySet, ProductQuerySet, ReviewQuerySet, Viewer

REVIEWED = "You have reviewed this product."
STARS = "A rating is 1 to 5 stars."


def storable(text: str) -> None:
    if any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text):
        raise ValidationError("NUL characters and lone surrogates are not allowed.")


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


class Hideable(models.Model):
    """Something that a member wrote, and that staff can hide: see community/moderation.py."""

    hidden_at = models.DateTimeField(null=True, editable=False)
    hidden_because = models.CharField(max_length=200, blank=True, default="", db_default="", validators=[storable])

    author_id: int

    class Meta:
        abstract = True

    def is_by(self, viewer: Viewer) -> bool:
        return viewer.pk is not None and viewer.pk == self.author_id


class Review(Hideable):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reviews")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    rating = models.PositiveSmallIntegerField()  # stars, 1 to 5
    body = models.TextField(validators=[MaxLengthValidator(5000), storable])
    posted_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-posted_at", "-id"]
        indexes = [
            models.Index(fields=["-posted_at", "-id"], name="reviews_by_time"),
            models.Index(fields=["-rating", "-posted_at", "-id"], name="reviews_by_rating"),
            models.Index(fields=["author", "-posted_at", "-id"], name="reviews_of_an_author"),
            models.Index(fields=["product", "-posted_at", "-id"], name="reviews_of_a_product"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["author", "product"],
                name="one_review_per_product",
                violation_error_code="taken",
                violation_error_message=REVIEWED,
            ),
            models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="one_to_five_stars", violation_error_message=STARS),
        ]

    def __str__(self) -> str:
        return f"{self.rating} stars for product {self.product_id}"


class Hold(models.Model):
    """Staff hid or deleted this member's review of the product: the next one is hidden until staff show it."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    because = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["author", "product"], name="one_hold_per_product")]

    def __str__(self) -> str:
        return f"{self.author_id} on product {self.product_id}: {self.because}"


class Comment(Hideable):
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
