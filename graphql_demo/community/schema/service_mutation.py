"""The base of all mutations: one input, one service, and a result or userErrors."""

from collections.abc import Callable
from typing import Any, ClassVar

import graphene
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from graphene import ResolveInfo

from community.schema.queries import node_key
from community.schema.user_errors import UserError, user_errors
from patterns.graphql.loaders import query

IDS = {"review_id": "Review", "comment_id": "Comment"}


class ServiceMutation(graphene.Mutation):
    class Meta:
        abstract = True

    service: ClassVar[Callable[..., Any]]  # gets the actor, the input, and what `context` returns
    result: ClassVar[str]  # the payload's field for what the service returns

    user_errors = graphene.List(graphene.NonNull(UserError), required=True, description="Empty on success.")

    @classmethod
    async def mutate(cls, root: Any, info: ResolveInfo, input: dict[str, Any]) -> Any:
        for name in IDS.keys() & input.keys():
            kind, key = node_key(input[name])
            input = {**input, name: key if kind == IDS[name] else None}
        try:
            done = await query(cls.service, actor=info.context.user, **cls.context(), **input)
        except (PermissionDenied, ValidationError, IntegrityError) as error:
            return cls(user_errors=list(user_errors(error)))
        return cls(**{cls.result: cls.render(done)}, user_errors=[])

    @classmethod
    def context(cls) -> dict[str, Any]:
        """Arguments of the service that are not the client's: the time, the request's id."""
        return {}

    @staticmethod
    def render(done: Any) -> Any:
        return done


def one_input(name: str, **fields: Any) -> Any:
    """The mutation's only argument. Each mutation has its own input type, so it can grow."""
    return type(name, (graphene.InputObjectType,), fields)(required=True)
