"""Who spends what: each part of a request for the feed, alone."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.test import RequestFactory
from graphql import ExecutionResult, GraphQLObjectType, execute
from graphql.pyutils import Path

from community import batches
from community.models import Review
from community.querysets import ReviewOrder
from community.schema.lists import comment_page, review_page
from community.schema.schema import schema
from community.tokens import bearer
from community.views import LIMITS, LISTS, understood
from lab.bench_data import COMMENTS, POSTS, QUERY
from labkit.bench import Work
from patterns.graphql.lean_execution import Field
from patterns.graphql.loaders import LoadingExecution
from patterns.graphql.query_limits import check_cost


def parts(token: str, member: User) -> Mapping[str, Work]:
    document = understood(schema.graphql_schema, QUERY)
    request = RequestFactory().post("/graphql/")
    request.user = member
    feed, comments = review_page(ReviewOrder.NEWEST, POSTS, None), comment_page(COMMENTS, None)

    def rows() -> list[Review]:
        return list(feed.of(Review.objects.visible_to(member).shown().of_those_followed_by(member)))

    def query() -> None:
        ids = [review.pk for review in rows()[:POSTS]]
        batches.like_counts(ids)
        batches.comment_counts(ids)
        batches.comments_of_reviews(ids, page=comments)

    class AtHand(LoadingExecution):
        """With the rows of an execution before: no database."""

        found: Any = feed.connect(rows())
        kept: Any = None

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            type(self).kept = self.loaders = self.kept or self.loaders

        def value(self, field: Field, parent_type: GraphQLObjectType, source: Any, above: Path | None) -> Any:
            if above:
                return super().value(field, parent_type, source, above)
            path = Path(above, field.name, parent_type.name)
            return self.settle(self.found, field.type, field.nodes, field.info_at(path), path)

    def run() -> Any:
        result = execute(
            schema.graphql_schema,
            document,
            context_value=request,
            variable_values={"first": POSTS},
            execution_context_class=AtHand,
        )
        if not isinstance(result, ExecutionResult) or result.errors:
            raise RuntimeError(result)
        return result.data

    answer = run()
    return {
        "the feed's four statements, by Django's ORM": query,
        "executing the operation, its rows at hand": run,
        "parsing, limits and validation, which the cache saves": lambda: understood(schema.graphql_schema, QUERY),
        "the token, and its member's row": lambda: bearer(f"Bearer {token}"),
        "writing the JSON": lambda: json.dumps(answer),
        "the cost, of each request": lambda: check_cost(LIMITS, schema.graphql_schema, document, variables={"first": POSTS}, lists=LISTS),
    }
