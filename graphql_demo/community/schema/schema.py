"""The whole schema. `manage.py graphql_schema --out schema.graphql` writes it as text; a test compares the two."""

import graphene

from community.schema import member_actions, review_actions
from community.schema.queries import Query


class Mutation(graphene.ObjectType):
    post_review = review_actions.PostReview.Field(required=True, description="Posts a review of a product; one for each member.")
    post_reviews = review_actions.PostReviews.Field(
        required=True, description="Posts many; what is wrong with one leaves the others alone."
    )
    edit_review = review_actions.EditReview.Field(required=True, description="For its author.")
    delete_review = review_actions.DeleteReview.Field(required=True, description="For its author and for staff.")
    hide_review = review_actions.HideReview.Field(required=True, description="For staff: from then on its author and staff see it.")
    show_review = review_actions.ShowReview.Field(required=True, description="For staff: takes hideReview back.")
    comment_on_review = member_actions.CommentOnReview.Field(required=True)
    like_review = member_actions.LikeReview.Field(required=True, description="Doing it again changes nothing.")
    unlike_review = member_actions.UnlikeReview.Field(required=True, description="Doing it again changes nothing.")
    follow = member_actions.Follow.Field(required=True, description="Doing it again changes nothing.")
    unfollow = member_actions.Unfollow.Field(required=True, description="Doing it again changes nothing.")


schema = graphene.Schema(query=Query, mutation=Mutation)
