"""Permissions. The services check them first; a viewer's forbidden objects count as not found."""

from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError

from community.models import Comment, Hideable, Review
from community.querysets import Viewer


class NotLoggedIn(PermissionDenied):
    pass


def not_found(field: str, what: str) -> ValidationError:
    return ValidationError({field: ValidationError(f"This {what} does not exist.", code="not_found")})


def member(actor: Viewer) -> User:
    if isinstance(actor, User) and actor.is_active:
        return actor
    raise NotLoggedIn("Log in first.")


def moderator(actor: Viewer) -> User:
    if not member(actor).is_staff:
        raise PermissionDenied("Only staff can do this.")
    return member(actor)


def seen_review(viewer: Viewer, review_id: UUID | None, *, to_change: bool = False) -> Review:
    """`to_change` locks the row until the transaction ends."""
    reviews = Review.objects.visible_to(viewer)
    review = (reviews.select_for_update() if to_change else reviews).filter(pk=review_id).first() if review_id else None
    if review is None:
        raise not_found("review_id", "review")
    return review


def seen_comment(viewer: Viewer, comment_id: UUID | None) -> Comment:
    """Locked until the transaction ends."""
    comments = Comment.objects.visible_to(viewer).select_for_update(of=("self",))
    comment = comments.filter(pk=comment_id).first() if comment_id else None
    if comment is None:
        raise not_found("comment_id", "comment")
    return comment


def named(username: str) -> User:
    found = get_user_model().objects.filter(username=username, is_active=True).first() if username.isprintable() else None
    if found is None:
        raise not_found("username", "member")
    return found


def email_of(viewer: Viewer, profile: User) -> str | None:
    """Only its owner and staff can read it."""
    return profile.email if viewer.is_staff or viewer.pk == profile.pk else None


def reason_hidden(viewer: Viewer, written: Hideable) -> str | None:
    return written.hidden_because or None if viewer.is_staff or written.is_by(viewer) else None
