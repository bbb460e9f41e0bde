"""Mutations of reviews. The services decide who may."""

from typing import Any

import graphene
from django.core.exceptions import ValidationError
from django.utils import timezone
from graphene.relay import Node

from community import services
from community.schema.service_mutation import ServiceMutation, one_input
from community.schema.types import Review
from community.schema.user_errors import UserError, user_errors
from patterns.http.request_id import current


class PostReviewInput(graphene.InputObjectType):
    sku = graphene.String(required=True)
    rating = graphene.Int(required=True, description="1 to 5")
    body = graphene.String(required=True)


class PostReview(ServiceMutation):
    service, result = staticmethod(services.post_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = PostReviewInput(required=True)

    @classmethod
    def context(cls) -> dict[str, Any]:
        return {"posted_at": timezone.now(), "correlation_id": current.get()}


class PostedReview(graphene.ObjectType):
    """The result for one review of the input: the review, or userErrors."""

    review = graphene.Field(Review)
    user_errors = graphene.List(graphene.NonNull(UserError), required=True)


class PostReviews(ServiceMutation):
    service, result = staticmethod(services.post_reviews), "results"
    results = graphene.List(graphene.NonNull(PostedReview), description="One per review of the input, in the same order.")

    class Arguments:
        input = one_input(
            "PostReviewsInput",
            reviews=graphene.List(graphene.NonNull(PostReviewInput), required=True, description=f"1 to {services.BULK_MAXIMUM}"),
        )

    context = PostReview.context

    @staticmethod
    def render(done: list[Any]) -> list[PostedReview]:
        return [
            PostedReview(user_errors=list(user_errors(each)))
            if isinstance(each, ValidationError)
            else PostedReview(review=each, user_errors=[])
            for each in done
        ]


class EditReview(ServiceMutation):
    service, result = staticmethod(services.edit_review), "review"
    review = graphene.Field(Review)

    class Arguments:
        input = one_input(
            "EditReviewInput",
            review_id=graphene.ID(required=True),
            rating=graphene.Int(description="1 to 5. Unchanged if left out."),
            body=graphene.String(description="Unchanged if left out."),
        )

    @classmethod
    def context(cls) -> dict[str, Any]:
        return {"edited_at": timezone.now()}


class DeleteReview(ServiceMutation):
    service, result = staticmethod(services.delete_review), "deleted_id"
    deleted_id = graphene.ID(description="The id to remove from the client's cache.")

    class Arguments:
        input = one_input("DeleteReviewInput", review_id=graphene.ID(required=True))

    @staticmethod
    def render(done: Any) -> str:
        return str(Node.to_global_id("Review", done))
