"""Mutations of moderators."""

from typing import Any

import graphene
from django.utils import timezone

from community import moderation
from community.schema.service_mutation import ServiceMutation, one_input
from community.schema.types import Comment, Review
from patterns.http.request_id import current

REASON = "The author can read this."


class HideReview(ServiceMutation):
    service, result = staticmethod(moderation.hide_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = one_input(
            "HideReviewInput",
            review_id=graphene.ID(required=True),
            because=graphene.String(required=True, description=REASON),
        )

    @classmethod
    def context(cls) -> dict[str, Any]:
        return {"hidden_at": timezone.now()}


class ShowReview(ServiceMutation):
    service, result = staticmethod(moderation.show_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = one_input("ShowReviewInput", review_id=graphene.ID(required=True))

    @classmethod
    def context(cls) -> dict[str, Any]:
        return {"correlation_id": current.get()}


class HideComment(ServiceMutation):
    service, result = staticmethod(moderation.hide_comment), "comment"
    comment = graphene.Field(Comment)

    class Arguments:
        input = one_input(
            "HideCommentInput",
            comment_id=graphene.ID(required=True),
            because=graphene.String(required=True, description=REASON),
        )

    context = HideReview.context


class ShowComment(ServiceMutation):
    service, result = staticmethod(moderation.show_comment), "comment"
    comment = graphene.Field(Comment)

    class Arguments:
        input = one_input("ShowCommentInput", comment_id=graphene.ID(required=True))
