"""Mutations of comments, likes and follows."""

from typing import Any

import graphene
from django.utils import timezone

from community import reactions
from community.schema.service_mutation import ServiceMutation, one_input
from community.schema.types import Comment, Profile, Review


class CommentOnReview(ServiceMutation):
    service, result = staticmethod(reactions.comment_on_review), "comment"
    comment = graphene.Field(Comment)

    class Arguments:
        input = one_input("CommentOnReviewInput", review_id=graphene.ID(required=True), body=graphene.String(required=True))

    @classmethod
    def context(cls) -> dict[str, Any]:
        return {"posted_at": timezone.now()}


class LikeReview(ServiceMutation):
    service, result = staticmethod(reactions.like_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = one_input("LikeReviewInput", review_id=graphene.ID(required=True))


class UnlikeReview(ServiceMutation):
    service, result = staticmethod(reactions.unlike_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = one_input("UnlikeReviewInput", review_id=graphene.ID(required=True))


class Follow(ServiceMutation):
    service, result = staticmethod(reactions.follow), "profile"
    profile = graphene.Field(Profile)

    class Arguments:
        input = one_input("FollowInput", username=graphene.String(required=True))


class Unfollow(ServiceMutation):
    service, result = staticmethod(reactions.unfollow), "profile"
    profile = graphene.Field(Profile)

    class Arguments:
        input = one_input("UnfollowInput", username=graphene.String(required=True))
