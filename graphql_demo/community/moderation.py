"""What staff do with reviews and comments. Each function is one transaction, and raises as the services do.

What is hidden stays hidden: the author can edit it, but a review or a comment posted in its place
is hidden too, until staff show it.
"""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from community.models import Comment, Hideable, Hold, Review
from community.permissions import moderator, seen_comment, seen_review
from community.querysets import Viewer
from community.services import announce, hold


@transaction.atomic
def hide_review(*, actor: Viewer, review_id: UUID | None, because: str, hidden_at: datetime) -> Review:
    review = seen_review(moderator(actor), review_id, to_change=True)
    hide(review, because=because, hidden_at=hidden_at)
    hold(review, because=review.hidden_because)
    return review


@transaction.atomic
def show_review(*, actor: Viewer, review_id: UUID | None, correlation_id: str = "-") -> Review:
    """Ends the hold. The event `review.posted` of a review that was hidden from the start is stored now."""
    review = seen_review(moderator(actor), review_id, to_change=True)
    Hold.objects.filter(author=review.author_id, product=review.product_id).delete()
    if review.hidden_at == review.posted_at:
        announce([review], correlation_id=correlation_id)
    show(review)
    return review


@transaction.atomic
def hide_comment(*, actor: Viewer, comment_id: UUID | None, because: str, hidden_at: datetime) -> Comment:
    comment = seen_comment(moderator(actor), comment_id)
    hide(comment, because=because, hidden_at=hidden_at)
    return comment


@transaction.atomic
def show_comment(*, actor: Viewer, comment_id: UUID | None) -> Comment:
    comment = seen_comment(moderator(actor), comment_id)
    show(comment)
    return comment


def hide(written: Hideable, *, because: str, hidden_at: datetime) -> None:
    written.hidden_at, written.hidden_because = written.hidden_at or hidden_at, because.strip()
    if not written.hidden_because:
        raise ValidationError({"because": ValidationError("A reason is required.", code="required")})
    written.full_clean()
    written.save(update_fields=["hidden_at", "hidden_because"])


def show(written: Hideable) -> None:
    written.hidden_at, written.hidden_because = None, ""
    written.save(update_fields=["hidden_at", "hidden_because"])
