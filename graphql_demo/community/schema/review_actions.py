"""What is done to reviews. The services decide who may."""

from typing import Any

import graphene
from django.core.exceptions import ValidationError
from django.utils import timezone
from graphene import ResolveInfo
from graphene.relay import Node

from community import services
from community.schema.types import Review
from community.schema.user_errors import Action, UserError, user_errors
from patterns.request_id import current


class PostReviewInput(graphene.InputObjectType):
    sku = graphene.String(required=True)
    rating = graphene.Int(required=True, description="1 to 5")
    body = graphene.String(required=True)


class PostReview(Action):
    class Arguments:
        input = PostReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        now, cause = timezone.now(), current.get()
        return PostReview.answer("review", services.post_review, actor=info.context.user, posted_at=now, correlation_id=cause, **input)


class PostReviewsInput(graphene.InputObjectType):
    reviews = graphene.List(graphene.NonNull(PostReviewInput), required=True, description=f"1 to {services.BULK_MAXIMUM}")


class PostedReview(graphene.ObjectType):
    """What became of one of the input's reviews: the review, or userErrors."""

    review = graphene.Field(Review)
    user_errors = graphene.List(graphene.NonNull(UserError), required=True)


class PostReviews(Action):
    class Arguments:
        input = PostReviewsInput(required=True)

    results = graphene.List(graphene.NonNull(PostedReview), description="One for each of the input's reviews, in its order.")

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        now, cause = timezone.now(), current.get()
        payload = PostReviews.answer(
            "results", services.post_reviews, actor=info.context.user, posted_at=now, correlation_id=cause, **input
        )
        if payload.results is not None:
            payload.results = [
                PostedReview(user_errors=list(user_errors(each)))
                if isinstance(each, ValidationError)
                else PostedReview(review=each, user_errors=[])
                for each in payload.results
            ]
        return payload


class EditReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)
    rating = graphene.Int(description="1 to 5; unchanged when left out")
    body = graphene.String(description="Unchanged when left out.")


class EditReview(Action):
    class Arguments:
        input = EditReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return EditReview.answer("review", services.edit_review, actor=info.context.user, edited_at=timezone.now(), **input)


class DeleteReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)


class DeleteReview(Action):
    class Arguments:
        input = DeleteReviewInput(required=True)

    deleted_id = graphene.ID(description="For the client's cache: what to forget.")

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        payload = DeleteReview.answer("deleted_id", services.delete_review, actor=info.context.user, **input)
        payload.deleted_id = payload.deleted_id and Node.to_global_id("Review", payload.deleted_id)
        return payload


class HideReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)
    because = graphene.String(required=True, description="Its author may read this.")


class HideReview(Action):
    class Arguments:
        input = HideReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return HideReview.answer("review", services.hide_review, actor=info.context.user, hidden_at=timezone.now(), **input)


class ShowReviewInput(graphene.InputObjectType):
    review_id = graphene.ID(required=True)


class ShowReview(Action):
    class Arguments:
        input = ShowReviewInput(required=True)

    review = graphene.Field(Review)

    def mutate(root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        return ShowReview.answer("review", services.show_review, actor=info.context.user, **input)
