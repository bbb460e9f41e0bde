"""Comments, likes and follows. Each function is one transaction, and raises as the services do."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from community.models import Comment, Follow, Like, Review
from community.permissions import member, named, seen_review
from community.querysets import Viewer


@transaction.atomic
def comment_on_review(*, actor: Viewer, review_id: UUID | None, body: str, posted_at: datetime) -> Comment:
    """A member who has a hidden comment there writes the next one hidden too."""
    author = member(actor)
    comment = Comment(author=author, review=seen_review(author, review_id), body=body.strip(), posted_at=posted_at)
    if hidden := Comment.objects.filter(author=author, review=comment.review).exclude(hidden_at=None).first():
        comment.hidden_at, comment.hidden_because = posted_at, hidden.hidden_because
    comment.full_clean()
    comment.save(force_insert=True)
    return comment


@transaction.atomic
def like_review(*, actor: Viewer, review_id: UUID | None) -> Review:
    """Idempotent, also under concurrent requests."""
    user = member(actor)
    review = seen_review(user, review_id)
    Like.objects.bulk_create([Like(review=review, user=user)], ignore_conflicts=True)
    return review


@transaction.atomic
def unlike_review(*, actor: Viewer, review_id: UUID | None) -> Review:
    user = member(actor)
    review = seen_review(user, review_id)
    Like.objects.filter(review=review, user=user).delete()
    return review


@transaction.atomic
def follow(*, actor: Viewer, username: str) -> User:
    user, other = member(actor), named(username)
    if user == other:
        raise ValidationError({"username": ValidationError("You cannot follow yourself.", code="invalid")})
    Follow.objects.bulk_create([Follow(follower=user, followed=other)], ignore_conflicts=True)
    return other


@transaction.atomic
def unfollow(*, actor: Viewer, username: str) -> User:
    user, other = member(actor), named(username)
    Follow.objects.filter(follower=user, followed=other).delete()
    return other
