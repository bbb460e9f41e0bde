"""What is done to reviews, and who may. Each function is one transaction.

All raise PermissionDenied (NotLoggedIn for a visitor) and ValidationError; what the actor may not see is not found for them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from community.events import REVIEW_POSTED, review_posted
from community.models import REVIEWED, Product, Review
from community.permissions import member, moderator, not_found, seen_review
from community.querysets import Viewer
from patterns.messaging.outbox.models import OutboxEvent

BULK_MAXIMUM = 100


@transaction.atomic
def post_review(*, actor: Viewer, sku: str, rating: int, body: str, posted_at: datetime, correlation_id: str = "-") -> Review:
    """One for each product and member. The event `review.posted` is stored with it."""
    author = member(actor)
    product = Product.objects.by_sku([sku]).get(sku)
    if product is None:
        raise not_found("sku", "product")
    review = Review(author=author, product=product, rating=rating, body=body.strip(), posted_at=posted_at)
    review.full_clean()
    try:
        with transaction.atomic():
            review.save(force_insert=True)
    except IntegrityError as error:  # the same author's other request was first, since the look
        raise ValidationError(REVIEWED, code="taken") from error
    event = review_posted(review, correlation_id=correlation_id)
    OutboxEvent.objects.append(event_id=event["id"], aggregate=event["subject"], routing_key=REVIEW_POSTED, payload=event)
    return review


@transaction.atomic
def post_reviews(
    *, actor: Viewer, reviews: Sequence[dict[str, Any]], posted_at: datetime, correlation_id: str = "-"
) -> list[Review | ValidationError]:
    """A result for each, in order. Each has a savepoint: what is wrong with one leaves the others alone."""
    author = member(actor)
    if not 1 <= len(reviews) <= BULK_MAXIMUM:
        raise ValidationError({"reviews": ValidationError(f"Post 1 to {BULK_MAXIMUM} reviews at once.", code="invalid")})
    results: list[Review | ValidationError] = []
    for review in reviews:
        try:
            results.append(post_review(actor=author, posted_at=posted_at, correlation_id=correlation_id, **review))
        except ValidationError as error:
            results.append(error)
    return results


@transaction.atomic
def edit_review(
    *, actor: Viewer, review_id: UUID | None, edited_at: datetime, rating: int | None = None, body: str | None = None
) -> Review:
    """Its author's only, staff's neither: nobody puts words into another's mouth."""
    author = member(actor)
    review = seen_review(author, review_id, to_change=True)
    if not review.is_by(author):
        raise PermissionDenied("Only its author may edit a review.")
    review.rating = review.rating if rating is None else rating
    review.body = review.body if body is None else body.strip()
    review.edited_at = edited_at
    review.full_clean()
    review.save(update_fields=["rating", "body", "edited_at"])
    return review


@transaction.atomic
def delete_review(*, actor: Viewer, review_id: UUID | None) -> UUID:
    author = member(actor)
    review = seen_review(author, review_id, to_change=True)
    if not (review.is_by(author) or author.is_staff):
        raise PermissionDenied("Only its author and staff may delete a review.")
    deleted = review.pk
    review.delete()
    return deleted


@transaction.atomic
def hide_review(*, actor: Viewer, review_id: UUID | None, because: str, hidden_at: datetime) -> Review:
    """From then on only its author and staff see it."""
    review = seen_review(moderator(actor), review_id, to_change=True)
    review.hidden_at, review.hidden_because = hidden_at, because.strip()
    if not review.hidden_because:
        raise ValidationError({"because": ValidationError("Say why.", code="required")})
    review.full_clean()
    review.save(update_fields=["hidden_at", "hidden_because"])
    return review


@transaction.atomic
def show_review(*, actor: Viewer, review_id: UUID | None) -> Review:
    review = seen_review(moderator(actor), review_id, to_change=True)
    review.hidden_at, review.hidden_because = None, ""
    review.save(update_fields=["hidden_at", "hidden_because"])
    return review
