"""What members do with reviews. Each function is one transaction.

All raise PermissionDenied (NotLoggedIn without a login) and ValidationError. A review that the
actor may not see counts as not found.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery

from community.events import REVIEW_POSTED, review_posted
from community.models import REVIEWED, STARS, Hold, Product, Review
from community.permissions import member, not_found, seen_review
from community.querysets import Viewer
from patterns.messaging.outbox.models import OutboxEvent

BULK_MAXIMUM = 100


def post_review(*, actor: Viewer, sku: str, rating: int, body: str, posted_at: datetime, correlation_id: str = "-") -> Review:
    """One per product and member. The event `review.posted` is stored with it."""
    row = {"sku": sku, "rating": rating, "body": body}
    [result] = post_reviews(actor=actor, reviews=[row], posted_at=posted_at, correlation_id=correlation_id)
    if isinstance(result, ValidationError):
        raise result
    return result


@transaction.atomic
def post_reviews(
    *, actor: Viewer, reviews: Sequence[dict[str, Any]], posted_at: datetime, correlation_id: str = "-"
) -> list[Review | ValidationError]:
    """A result per row, in order: an invalid row does not affect the others.

    Five statements, however many rows there are; one more if staff have hidden an earlier review.
    """
    author = member(actor)
    if not 1 <= len(reviews) <= BULK_MAXIMUM:
        raise ValidationError({"reviews": ValidationError(f"Post 1 to {BULK_MAXIMUM} reviews at once.", code="invalid")})
    products = Product.objects.by_sku({row["sku"] for row in reviews})
    reviewed = set(author.reviews.filter(product__in=products.values()).values_list("product", flat=True))
    results = [new_review(author, products, reviewed, posted_at=posted_at, **row) for row in reviews]
    stored = insert([each for each in results if isinstance(each, Review)])
    announce((review for review in stored.values() if not review.hidden_at), correlation_id=correlation_id)
    # a review is missing if another request of the same author was faster
    return [each if isinstance(each, ValidationError) else stored.get(each.pk) or taken() for each in results]


def new_review(
    author: User, products: dict[str, Product], reviewed: set[int], *, sku: str, rating: int, body: str, posted_at: datetime
) -> Review | ValidationError:
    """Validates without a query, which would cost as many as there are rows. Adds to `reviewed`."""
    product = products.get(sku)
    if product is None:
        return not_found("sku", "product")
    if product.pk in reviewed:
        return taken()
    if not 1 <= rating <= 5:
        return ValidationError({"rating": ValidationError(STARS, code="invalid")})
    review = Review(author=author, product=product, rating=rating, body=body.strip(), posted_at=posted_at)
    try:
        review.clean_fields(exclude=["author", "product"])  # these two would be queried
    except ValidationError as error:
        return error
    reviewed.add(product.pk)
    return review


def insert(reviews: list[Review]) -> dict[UUID, Review]:
    """Inserts those that do not conflict with another request's, and returns them by id.

    The review of a member whose earlier one staff have hidden or deleted is hidden too.
    """
    Review.objects.bulk_create(reviews, ignore_conflicts=True)
    # after the insert, which waits for a deletion by staff: it sees their hold
    hold = Hold.objects.filter(author=OuterRef("author"), product=OuterRef("product")).values("because")
    stored = dict(Review.objects.filter(pk__in=[review.pk for review in reviews]).values_list("pk", Subquery(hold)))
    held = [review for review in reviews if stored.get(review.pk)]
    for review in held:
        review.hidden_at, review.hidden_because = review.posted_at, stored[review.pk]
    if held:
        Review.objects.bulk_update(held, ["hidden_at", "hidden_because"])
    return {review.pk: review for review in reviews if review.pk in stored}


def announce(reviews: Iterable[Review], *, correlation_id: str) -> None:
    events = [review_posted(review, correlation_id=correlation_id) for review in reviews]
    OutboxEvent.objects.bulk_create(
        OutboxEvent(event_id=event["id"], aggregate=event["subject"], routing_key=REVIEW_POSTED, payload=event) for event in events
    )


def taken() -> ValidationError:
    return ValidationError(REVIEWED, code="taken")


@transaction.atomic
def edit_review(
    *, actor: Viewer, review_id: UUID | None, edited_at: datetime, rating: int | None = None, body: str | None = None
) -> Review:
    """Only for the author. Staff cannot change what a member wrote."""
    author = member(actor)
    review = seen_review(author, review_id, to_change=True)
    if not review.is_by(author):
        raise PermissionDenied("Only the author can edit a review.")
    review.rating = review.rating if rating is None else rating
    review.body = review.body if body is None else body.strip()
    review.edited_at = edited_at
    review.full_clean()
    review.save(update_fields=["rating", "body", "edited_at"])
    return review


@transaction.atomic
def delete_review(*, actor: Viewer, review_id: UUID | None) -> UUID:
    """After a deletion by staff, the author's next review of the product is hidden."""
    author = member(actor)
    review = seen_review(author, review_id, to_change=True)
    if not (review.is_by(author) or author.is_staff):
        raise PermissionDenied("Only the author and staff can delete a review.")
    if not review.is_by(author):
        hold(review, because="A moderator deleted your review.")
    deleted = review.pk
    review.delete()
    return deleted


def hold(review: Review, *, because: str) -> None:
    Hold.objects.update_or_create(author_id=review.author_id, product_id=review.product_id, defaults={"because": because})
