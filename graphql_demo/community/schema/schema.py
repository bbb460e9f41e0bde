"""The whole schema. `manage.py graphql_schema --out schema.graphql` writes it; a test compares."""

import graphene

from community.schema import member_mutations, moderation_mutations, review_mutations
from community.schema.queries import Query


class Mutation(graphene.ObjectType):
    post_review = review_mutations.PostReview.Field(required=True, description="Posts a review: one per product and member.")
    post_reviews = review_mutations.PostReviews.Field(
        required=True, description="Posts many reviews. An invalid one does not affect the others."
    )
    edit_review = review_mutations.EditReview.Field(required=True, description="For the author.")
    delete_review = review_mutations.DeleteReview.Field(required=True, description="For the author and for staff.")
    hide_review = moderation_mutations.HideReview.Field(required=True, description="For staff. Only its author and staff still see it.")
    show_review = moderation_mutations.ShowReview.Field(required=True, description="For staff. Undoes hideReview.")
    hide_comment = moderation_mutations.HideComment.Field(required=True, description="For staff. Only its author and staff still see it.")
    show_comment = moderation_mutations.ShowComment.Field(required=True, description="For staff. Undoes hideComment.")
    comment_on_review = member_mutations.CommentOnReview.Field(required=True)
    like_review = member_mutations.LikeReview.Field(required=True, description="Idempotent.")
    unlike_review = member_mutations.UnlikeReview.Field(required=True, description="Idempotent.")
    follow = member_mutations.Follow.Field(required=True, description="Idempotent.")
    unfollow = member_mutations.Unfollow.Field(required=True, description="Idempotent.")


schema = graphene.Schema(query=Query, mutation=Mutation)
