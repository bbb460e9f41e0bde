"""What members do. Each function is one transaction."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from community.models import REVIEWED, Product, Review


@transaction.atomic
def post_review(*, author: User | AnonymousUser, sku: str, rating: int, body: str, posted_at: datetime) -> Review:
    """A member's review of a product; one for each. Raises PermissionDenied for a visitor, ValidationError for a bad review."""
    if author.is_anonymous:
        raise PermissionDenied("Log in to post a review.")
    product = Product.objects.by_sku([sku]).get(sku)
    if product is None:
        raise ValidationError("There is no such product.")
    review = Review(author=author, product=product, rating=rating, body=body.strip(), posted_at=posted_at)
    review.full_clean()
    try:
        review.save(force_insert=True)
    except IntegrityError as error:  # the same author's other request was first, since the look
        raise ValidationError(REVIEWED) from error
    return review
