"""What members do with each other's reviews, and with each other."""

from typing import Any

import graphene
from django.utils import timezone
from graphene import ResolveInfo

from community import reactions
from community.schema.types import Comment, Profile, Review
from community.schema.user_errors import Action


class CommentOnReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)
    body = graphene.String(required=True)


class CommentOnReview(Action):
    class Arguments:
        input = CommentOnReviewInput(required=True)

    comment = graphene.Field(Comment)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        service = reactions.comment_on_review
        return CommentOnReview.answer("comment", service, actor=info.context.user, posted_at=timezone.now(), **input)


class LikeReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)


class LikeReview(Action):
    class Arguments:
        input = LikeReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return LikeReview.answer("review", reactions.like_review, actor=info.context.user, **input)


class UnlikeReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)


class UnlikeReview(Action):
    class Arguments:
        input = UnlikeReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return UnlikeReview.answer("review", reactions.unlike_review, actor=info.context.user, **input)


class FollowInput(graphene.InputObjectType):
    username = graphene.String(required=True)


class Follow(Action):
    class Arguments:
        input = FollowInput(required=True)

    profile = graphene.Field(Profile)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return Follow.answer("profile", reactions.follow, actor=info.context.user, **input)


class UnfollowInput(graphene.InputObjectType):
    username = graphene.String(required=True)


class Unfollow(Action):
    class Arguments:
        input = UnfollowInput(required=True)

    profile = graphene.Field(Profile)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return Unfollow.answer("profile", reactions.unfollow, actor=info.context.user, **input)
